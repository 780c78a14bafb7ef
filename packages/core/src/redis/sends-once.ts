import { ScaleError } from "../errors.js";
import type { RedisLike } from "./client.js";

/**
 * Refuses a client that sends a command again after its connection broke: Redis may have executed the first one, and a
 * charge would count twice. Call it where a store that charges is created.
 *
 * It reads the options of ioredis and of clients that are made alike. A client without options is a wrapper of the
 * application, which must not repeat commands either.
 * @param caller starts the message: the function that was given the client
 * @throws {ScaleError} SCALE_WIRING, with the options to set
 */
export function assertSendsOnce(redis: RedisLike, caller: string): void {
  const fix = fixFor(redis);
  if (fix === undefined) return;
  throw new ScaleError(
    "SCALE_WIRING",
    `${caller}: redis: expected a client that sends each command once, got one that repeats commands after a broken connection, which charges twice: ${fix}`,
  );
}

/** The change that keeps a client from repeating commands; `undefined` for one that does not repeat them. */
function fixFor(redis: RedisLike): string | undefined {
  // node-redis rejects the commands of a broken connection. Only its client for Sentinel asks the next master.
  if ("getMasterNode" in redis)
    return "use ioredis with sentinels and maxRetriesPerRequest: 0 instead of createSentinel";
  const options = "options" in redis ? redis.options : undefined;
  if (!isRecord(options) || !("evalsha" in redis)) return undefined;
  return redis.isCluster ? clusterFix(options) : nodeFix(options);
}

/** A cluster sends what a closed connection rejected to another node, after this delay. */
function clusterFix(options: Readonly<Record<string, unknown>>): string | undefined {
  if (options["retryDelayOnFailover"] !== 0) return "set retryDelayOnFailover: 0 of the Cluster";
  const { redisOptions, clusterNodeRetryStrategy } = options;
  if (typeof clusterNodeRetryStrategy !== "function") return undefined;
  return nodeFix({ ...(isRecord(redisOptions) && redisOptions), retryStrategy: clusterNodeRetryStrategy });
}

function nodeFix(options: Readonly<Record<string, unknown>>): string | undefined {
  const { retryStrategy, maxRetriesPerRequest, autoResendUnfulfilledCommands } = options;
  const repeats =
    typeof retryStrategy === "function" && maxRetriesPerRequest !== 0 && autoResendUnfulfilledCommands !== false;
  return repeats ? "set maxRetriesPerRequest: 0, or autoResendUnfulfilledCommands: false" : undefined;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
