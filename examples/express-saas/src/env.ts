import { ConfigError, show } from "@scale/core";
import { type Environment, loadScaleEnv } from "@scale/core/env";
import type { ExampleOptions } from "./index.js";

const DEFAULT_PORT = 3000;
const MAX_PORT = 65_535;
const MAX_RATE = 5000;

/**
 * `DATABASE_URL`, `REDIS_URL`, `PORT` and `SCALE_TRAFFIC`; an empty variable counts as not set.
 * @throws {ConfigError} that names the variable and what it should be
 */
export function readEnv(env: Environment): ExampleOptions {
  const { database, redis } = loadScaleEnv(env);
  return {
    ...(database.url !== undefined && { databaseUrl: database.url }),
    ...(redis.url !== undefined && { redisUrl: redis.url }),
    port: readPort(env["PORT"]),
    ...readTraffic(env["SCALE_TRAFFIC"]),
  };
}

function readPort(text = ""): number {
  if (text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= MAX_PORT) return port;
  throw new ConfigError(`PORT: expected a port from 0 (any free one) to ${MAX_PORT}, got ${show(text)}`);
}

function readTraffic(text = ""): Pick<ExampleOptions, "traffic"> {
  if (text === "" || text === "on") return {};
  if (text === "off") return { traffic: false };
  const requestsPerSecond = Number(text);
  if (/^\d+$/.test(text) && requestsPerSecond >= 1 && requestsPerSecond <= MAX_RATE)
    return { traffic: { requestsPerSecond } };
  throw new ConfigError(`SCALE_TRAFFIC: expected on, off or 1 to ${MAX_RATE} requests per second, got ${show(text)}`);
}
