import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { type DatabaseEnv, type Environment, loadScaleEnv } from "@scale/env";
import type { ExampleOptions } from "./index.js";

const DEFAULT_PORT = 3000;
const MAX_PORT = 65_535;
const MAX_RATE = 5000;
const MIN_SECRET = 32;

/**
 * `DATABASE_URL`, `DATABASE_READ_URL` and the other variables of `loadScaleEnv` about the database, `REDIS_URL`, `PORT`,
 * `SCALE_TRAFFIC` and `SCALE_SECRET`; an empty variable counts as not set.
 * @throws {ConfigError} that names the variable and what it should be
 */
export function readEnv(env: Environment): ExampleOptions {
  const { database, redis } = loadScaleEnv(env);
  return {
    ...readDatabase(database),
    ...(redis.url !== undefined && { redisUrl: redis.url }),
    port: readPort(env["PORT"]),
    ...readTraffic(env["SCALE_TRAFFIC"]),
    ...readSecret(env["SCALE_SECRET"]),
  };
}

/** The sizes of pools go with the servers that are named: the embedded ones have their own. */
function readDatabase(env: DatabaseEnv): Pick<ExampleOptions, "databaseUrl" | "replicaUrls" | "pools"> {
  const { url, useReplicas, replicaUrls, pool: primary, replicaPool: replica } = env;
  if (url !== undefined) {
    return { databaseUrl: url, ...(useReplicas && { replicaUrls }), pools: { primary, replica } };
  }
  if (useReplicas)
    throw new ConfigError("DATABASE_URL: expected the primary of the replicas that are named, got nothing");
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
  // Not what it is: it may be a good one that was cut.
  throw new ConfigError(`SCALE_SECRET: expected ${MIN_SECRET} characters or more, got ${text.length}`);
}
