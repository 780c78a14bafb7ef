import { StoreError } from "@scale/core";
import { createScriptRunner, type IoredisLike } from "@scale/core/redis";
import type { TimerClock } from "../store.js";
import { systemTimerClock } from "../clock.js";
import type { BullmqScripts } from "./bullmq-scripts.js";
import { composeOperations, type Operation, type Operations } from "./compose.js";

export interface QueueOperationsOptions {
  readonly connection: IoredisLike;
  /** Those of the installed BullMQ. */
  readonly scripts: BullmqScripts;
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
  const { connection, scripts, timeoutMs, clock, keyPrefix, charge, idleTtlMs } = options;
  // The server's clock serves all processes; a test's clock is passed on.
  const nowOf = clock === systemTimerClock ? (): string => "" : (): string => String(clock.now());
  const runner = createScriptRunner({ redis: connection, timeoutMs });
  const operations = operationsOf(scripts);
  const ttl = String(idleTtlMs);
  return (operation, args, { late } = {}) => {
    const call = { keys: [keyPrefix], args: [nowOf(), charge, ttl, ...args] };
    return runner.run(operations[operation], late === undefined ? call : { ...call, late });
  };
}

const composed = new WeakMap<BullmqScripts, Operations>();

/** The operations over these scripts: composed once, because they are large. */
function operationsOf(scripts: BullmqScripts): Operations {
  const known = composed.get(scripts) ?? composeOperations(scripts);
  composed.set(scripts, known);
  return known;
}

/** The integers of a reply. */
export function integers(reply: unknown): readonly number[] {
  const list = Array.isArray(reply) ? reply.map(Number) : [];
  if (list.length === 0 || list.some((value) => !Number.isFinite(value)))
    throw new StoreError("expected integers from Redis, got another reply");
  return list;
}
