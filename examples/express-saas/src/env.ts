import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { type DatabaseEnv, type Environment, loadScaleEnv } from "@scale/env";
import type { ExampleOptions } from "./index.js";

const DEFAULT_PORT = 3000;
const MAX_PORT = 65_535;
const MAX_RATE = 5000;
const MIN_SECRET = 32;
const HOST = /^([\w-]+(\.[\w-]+)*|\[[\da-f:.]+\])$/i;

/**
 * Reads the database variables of `loadScaleEnv`, `REDIS_URL`, `PORT`, `SCALE_TRAFFIC`, `SCALE_SECRET` and `SCALE_HOSTS`. An
 * empty variable counts as not set.
 * @throws {ConfigError} naming the variable and the expected value
 */
export function readEnv(env: Environment): ExampleOptions {
  const { database, redis } = loadScaleEnv(env);
  return {
    ...readDatabase(database),
    ...(redis.url !== undefined && { redisUrl: redis.url }),
    port: readPort(env["PORT"]),
    ...readTraffic(env["SCALE_TRAFFIC"]),
    ...readSecret(env["SCALE_SECRET"]),
    ...readHosts(env["SCALE_HOSTS"]),
  };
}

/** Pool sizes apply to configured servers only: the embedded servers have their own. */
function readDatabase(env: DatabaseEnv): Pick<ExampleOptions, "databaseUrl" | "replicaUrls" | "pools"> {
  const { url, useReplicas, replicaUrls, pool: primary, replicaPool: replica } = env;
  if (url !== undefined) {
    return { databaseUrl: url, ...(useReplicas && { replicaUrls }), pools: { primary, replica } };
  }
  if (useReplicas)
    throw new ConfigError("DATABASE_URL: expected the URL of the primary of DATABASE_READ_URL, got nothing; set it");
  return {};
}

function readPort(text = ""): number {
  if (text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= MAX_PORT) return port;
  throw new ConfigError(`PORT: expected a port from 0 (any free one) to ${MAX_PORT}, got ${describeValue(text)}`);
}

function readTraffic(text = ""): Pick<ExampleOptions, "traffic"> {
  if (text === "" || text === "on") return {};
  if (text === "off") return { traffic: false };
  const requestsPerSecond = Number(text);
  if (/^\d+$/.test(text) && requestsPerSecond >= 1 && requestsPerSecond <= MAX_RATE)
    return { traffic: { requestsPerSecond } };
  throw new ConfigError(
    `SCALE_TRAFFIC: expected on, off or 1 to ${MAX_RATE} requests per second, got ${describeValue(text)}`,
  );
}

function readSecret(text = ""): Pick<ExampleOptions, "secret"> {
  if (text === "") return {};
  if (text.length >= MIN_SECRET) return { secret: text };
  // Omits the value: it may be most of a real secret.
  throw new ConfigError(`SCALE_SECRET: expected ${MIN_SECRET} characters or more, got ${text.length}`);
}

function readHosts(text = ""): Pick<ExampleOptions, "hosts"> {
  if (text === "") return {};
  const hosts = text.split(",").map((host) => host.trim());
  if (hosts.every((host) => HOST.test(host))) return { hosts };
  throw new ConfigError(
    `SCALE_HOSTS: expected host names without ports, joined with commas, got ${describeValue(text)}`,
  );
}
