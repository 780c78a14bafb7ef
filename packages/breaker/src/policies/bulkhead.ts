import { FairSemaphore, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Call } from "../call.js";
import { BusyError, withoutStack } from "../errors.js";
import type { Action, CallInput, Policy } from "../types.js";
import { timerOption } from "./timeout.js";

export interface BulkheadOptions {
  /** Concurrent calls of all keys together. */
  readonly max: number;
  /** Concurrent calls of one key, such as a tenant or a host: `key` of the call. @default max */
  readonly maxPerKey?: number;
  /** Calls of one key that may wait. Keys take turns. @default 0: calls above the limit are refused at once */
  readonly queue?: number;
  /** Maximum wait in milliseconds, within the deadline of the call. @default 1000 */
  readonly waitMs?: number;
  /** Appears in errors. @default "bulkhead" */
  readonly name?: string;
}

const optionsSchema = z
  .strictObject({
    max: z.int().min(1).max(1_000_000),
    maxPerKey: z.int().min(1).max(1_000_000).optional(),
    queue: z.int().min(0).max(1_000_000).default(0),
    waitMs: timerOption.default(1000),
    name: z.string().min(1).default("bulkhead"),
  })
  .refine(({ max, maxPerKey = max }) => maxPerKey <= max, { path: ["maxPerKey"], message: "expected at most max" });

export interface Bulkhead extends Policy {
  readonly running: number;
  readonly waiting: number;
}

/** Limits concurrent calls, in total and for each key, so that one slow tenant or host cannot use up all of them. */
export function bulkhead(options: BulkheadOptions): Bulkhead {
  const { max, maxPerKey = max, queue, waitMs, name } = parseOptions(optionsSchema, options, "bulkhead");
  const refuse = (reason: BusyError["reason"]): BusyError => withoutStack(() => new BusyError(name, reason));
  const semaphore = new FairSemaphore({ total: max, maxWaiting: queue, waitMs, refuse });
  return {
    get running() {
      return semaphore.running;
    },
    get waiting() {
      return semaphore.waiting;
    },
    async run<T>(action: Action<T>, input?: CallInput): Promise<T> {
      const call = Call.from(input);
      const key = call.key ?? "";
      if (!semaphore.tryAcquire(key, maxPerKey)) await wait(semaphore, key, call);
      try {
        return await action(call);
      } finally {
        semaphore.release(key);
      }
    },
  };
}

/** Never waits past the deadline of the call, nor for a caller that has gone. */
function wait(semaphore: FairSemaphore, key: string, call: Call): Promise<void> {
  return semaphore.acquire(key, { waitMs: call.remainingMs(), ...(call.canAbort && { signal: call.signal }) });
}
