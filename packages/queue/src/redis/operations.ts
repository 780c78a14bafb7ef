import { StoreError } from "@scale/core";
import { createScriptRunner, type IoredisLike } from "@scale/core/redis";
import type { TimerClock } from "../store.js";
import { systemTimerClock } from "../clock.js";
import { readBullmqScripts } from "./bullmq-scripts.js";
import { composeOperations, type Operation, type Operations } from "./compose.js";

export interface QueueOperationsOptions {
  readonly connection: IoredisLike;
  readonly timeoutMs: number;
  readonly clock: TimerClock;
  /** Prefix of BullMQ's keys of the queue, with their hash tag and the last `:`. */
  readonly keyPrefix: string;
  readonly charge: "count" | "time";
  /** Milliseconds for which the record of a tenant without jobs is kept. */
  readonly idleTtlMs: number;
}

export interface RunOptions {
  /** Called with an answer that came after the deadline. */
  readonly late?: (answer: unknown) => void;
}

/** Runs an operation on one queue. */
export type RunOperation = (operation: Operation, args: readonly string[], options?: RunOptions) => Promise<unknown>;

/** The operations of one queue over one connection. */
export function queueOperations(options: QueueOperationsOptions): RunOperation {
  const { connection, timeoutMs, clock, keyPrefix, charge, idleTtlMs } = options;
  // The server's clock serves all processes; a test's clock is passed on.
  const nowOf = clock === systemTimerClock ? (): string => "" : (): string => String(clock.now());
  const runner = createScriptRunner({ redis: connection, timeoutMs });
  const ttl = String(idleTtlMs);
  return async (operation, args, { late } = {}) => {
    const script = (await operations())[operation];
    const call = { keys: [keyPrefix], args: [nowOf(), charge, ttl, ...args] };
    return runner.run(script, late === undefined ? call : { ...call, late });
  };
}

let composed: Promise<Operations> | undefined;

function operations(): Promise<Operations> {
  composed ??= readBullmqScripts().then(composeOperations);
  return composed;
}

/** The integers of a reply. */
export function integers(reply: unknown): readonly number[] {
  const list = Array.isArray(reply) ? reply.map(Number) : [];
  if (list.length === 0 || list.some((value) => !Number.isFinite(value)))
    throw new StoreError("expected integers from Redis, got another reply");
  return list;
}
