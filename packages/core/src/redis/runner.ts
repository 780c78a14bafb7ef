import { z } from "zod";
import { type Clock, systemClock } from "../clock.js";
import { createWatch } from "../deadline.js";
import { StoreError, TimeoutError } from "../errors.js";
import { defineEvent, type EventChannel } from "../events.js";
import { clockOption, redisOption, timeoutOption } from "../option-fragments.js";
import { parseOptions } from "../options.js";
import { type RedisLike, redisPort } from "./client.js";
import { attempt, evaluate, PING, type Script, type Settle } from "./script.js";

export interface ScriptRunnerOptions {
  readonly redis: RedisLike;
  /**
   * Milliseconds that a call may take before it rejects with `SCALE_TIMEOUT`.
   * @default 50
   */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** Told of an answer that came after the call was given up: what the script has done may have to be undone. */
  readonly late?: (answer: unknown) => void;
}

export interface ScriptRunner {
  /** True when all keys of one call must share a hash tag. */
  readonly isCluster: boolean;
  /**
   * Runs a script, within the deadline.
   * Rejects at once, without sending anything, while the client has lost its connection, and after a call went
   * unanswered, until the server answers that call or a probe.
   * @throws {TimeoutError} when no answer came in time; the script may still run
   * @throws {StoreError} when the server cannot be asked, or answered with an error
   */
  run(script: Script, call: ScriptCall): Promise<unknown>;
  /**
   * Reads keys, as `run` runs scripts. On a Cluster they must share a hash tag.
   * `undefined` when the client cannot: a script can.
   */
  readonly mget: ((keys: string[]) => Promise<unknown>) | undefined;
}

/** Published when a server stops answering in time, and when it answers again. */
export const redisStall: EventChannel<{ readonly lane: string; readonly stalled: boolean }> =
  defineEvent("scale:core:redis-stall");

const optionsSchema = z.strictObject({
  redis: redisOption,
  timeoutMs: timeoutOption(50),
  clock: clockOption.default(systemClock),
});

/** How often a stalled server is probed. An answer to an earlier call, however late, is noticed at once. */
const PROBE_EVERY_MS = 250;
/** More stalled lanes than this are told apart no longer: their calls wait for the deadline. */
const MAX_STALLED_LANES = 10_000;

/** Runs scripts on the application's client so that no caller ever waits longer than the deadline. */
export function createScriptRunner(options: ScriptRunnerOptions): ScriptRunner {
  const { redis, timeoutMs, clock } = parseOptions(optionsSchema, options, "createScriptRunner");
  const port = redisPort(redis);
  const watch = createWatch(timeoutMs);
  // Per lane, which is a cluster's hash tag or the one server: when it may be probed.
  const stalled = new Map<string, number>();
  let wasReady = false;

  function setStalled(lane: string, is: boolean): void {
    if (is === stalled.has(lane)) return;
    if (!is) stalled.delete(lane);
    else if (stalled.size < MAX_STALLED_LANES) stalled.set(lane, clock.monotonic());
    redisStall.publish(() => ({ lane, stalled: is }));
  }

  /** Why a call must not be sent now. A request never waits to find out whether a server is back: a probe does. */
  function refusal(lane: string, keys: readonly string[]): StoreError | undefined {
    if (port.isReady()) wasReady = true;
    // Before the first connection the client may still be dialling, and queue what we send: one deadline long we wait.
    else if (wasReady) return new StoreError("Redis is not connected");
    const probeAt = stalled.get(lane);
    if (probeAt === undefined) return undefined;
    const now = clock.monotonic();
    if (now >= probeAt) {
      stalled.set(lane, now + PROBE_EVERY_MS);
      const answered = (): void => setStalled(lane, false);
      evaluate(port, PING, { keys, args: [] }, { resolve: answered, reject: answered });
    }
    return new StoreError("Redis has stopped answering");
  }

  /** One promise for all of it: this is on the way of every request, and each more costs as much as the rest. */
  function ask(
    { keys, late }: Pick<ScriptCall, "keys" | "late">,
    what: () => string,
    send: (settle: Settle) => void,
  ): Promise<unknown> {
    const lane = port.isCluster ? hashTag(keys[0] ?? "") : "";
    const refused = refusal(lane, keys);
    if (refused !== undefined) return Promise.reject(refused);
    return new Promise((resolve, reject) => {
      let isGivenUp = false;
      const giveUp = (): void => {
        isGivenUp = true;
        setStalled(lane, true);
        reject(new TimeoutError(what(), timeoutMs));
      };
      /** Any answer, a late one and an error too, shows that the server is back. */
      const end = (): void => {
        watch.end(giveUp);
        if (stalled.size > 0) setStalled(lane, false);
      };
      watch.begin(giveUp);
      send({
        resolve: (answer) => {
          end();
          if (isGivenUp) late?.(answer);
          else resolve(answer);
        },
        reject: (cause) => {
          end();
          reject(new StoreError(`${what()} failed`, { cause }));
        },
      });
    });
  }

  function run(script: Script, call: ScriptCall): Promise<unknown> {
    return ask(
      call,
      () => `Redis script ${script.name}`,
      (settle) => evaluate(port, script, call, settle),
    );
  }

  const { mget } = port;
  const read =
    mget === undefined
      ? undefined
      : (keys: string[]) =>
          ask(
            { keys },
            () => "Redis MGET",
            (settle) => attempt(() => mget(keys), settle.resolve, settle.reject),
          );
  return { isCluster: port.isCluster, run, mget: read };
}

/** What Redis Cluster hashes of a key. */
function hashTag(key: string): string {
  return /\{([^}]+)\}/.exec(key)?.[1] ?? key;
}
