import { z } from "zod";
import { type Clock, systemClock } from "../clock.js";
import { createSharedTimer } from "../deadline.js";
import { StoreError, TimeoutError } from "../errors.js";
import { clockOption, redisOption, timeoutOption } from "../option-fragments.js";
import { parseOptions } from "../options.js";
import { type RedisLike, type RedisPort, redisPort } from "./client.js";
import { attempt, evaluate, type Script, type Settle } from "./script.js";
import { createStallDetector } from "./stall-detector.js";

export interface ScriptRunnerOptions {
  readonly redis: RedisLike;
  /**
   * Deadline of one call, in milliseconds; after it the call rejects with `SCALE_TIMEOUT`.
   * @default 50
   */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /**
   * Called with an answer that arrived after the deadline: the caller may have to undo the effect of the script. A server
   * that executed the script and lost the connection before its answer never calls it.
   */
  readonly late?: (answer: unknown) => void;
}

export interface ScriptRunner {
  /** True when all keys of one call must share a hash tag. */
  readonly isCluster: boolean;
  /**
   * Runs a script within the deadline.
   * Rejects at once, without sending anything, while the client has no connection. After a call that met its deadline it
   * rejects at once too, until the server answers that call or a probe.
   * @throws {TimeoutError} when no answer came in time; the script may still run
   * @throws {StoreError} when the call is not sent, for which `notSent` is true, or the server answered with an error
   */
  run(script: Script, call: ScriptCall): Promise<unknown>;
  /**
   * Reads keys under the same deadline as `run`. On a Cluster they must share a hash tag.
   * `undefined` for a client without `MGET`: read with a script instead.
   */
  readonly mget: ((keys: string[]) => Promise<unknown>) | undefined;
}

const optionsSchema = z.strictObject({
  redis: redisOption,
  timeoutMs: timeoutOption(50),
  clock: clockOption.default(systemClock),
});

/** Runs scripts on the application's client, with a deadline for every caller. */
export function createScriptRunner(options: ScriptRunnerOptions): ScriptRunner {
  const { redis, timeoutMs, clock } = parseOptions(optionsSchema, options, "createScriptRunner");
  const port = redisPort(redis);
  const ask = createAsk(port, timeoutMs, clock);
  const { mget } = port;
  return {
    isCluster: port.isCluster,
    run: (script, call) =>
      ask(
        call,
        () => `Redis script ${script.name}`,
        (settle) => evaluate(port, script, call, settle),
      ),
    mget:
      mget &&
      ((keys) =>
        ask(
          { keys },
          () => "Redis MGET",
          (settle) => attempt(() => mget(keys), settle.resolve, settle.reject),
        )),
  };
}

type Ask = (
  call: Pick<ScriptCall, "keys" | "late">,
  what: () => string,
  send: (settle: Settle) => void,
) => Promise<unknown>;

/** Sends a call unless its lane is stalled. One promise for all of it: every request pays for each further one. */
function createAsk(port: RedisPort, timeoutMs: number, clock: Clock): Ask {
  const timer = createSharedTimer(timeoutMs);
  const stalls = createStallDetector(port, clock);
  return ({ keys, late }, what, send) => {
    const lane = port.isCluster ? hashTag(keys[0] ?? "") : "";
    const refused = stalls.refusal(lane, keys);
    if (refused !== undefined) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      const onTimeout = (): void => {
        settle.isOver = true;
        stalls.onTimeout(lane);
        reject(new TimeoutError(what(), timeoutMs));
      };
      const settle: Settle = {
        isOver: false,
        resolve: (answer) => {
          timer.remove(onTimeout);
          stalls.onAnswer(lane);
          if (settle.isOver) late?.(answer);
          else resolve(answer);
        },
        reject: (cause) => {
          timer.remove(onTimeout);
          stalls.onAnswer(lane);
          reject(new StoreError(`${what()} failed`, { cause }));
        },
      };
      timer.add(onTimeout);
      send(settle);
    });
  };
}

/** The part of a key that Redis Cluster hashes. */
function hashTag(key: string): string {
  return /\{([^}]+)\}/.exec(key)?.[1] ?? key;
}
