import { TimeoutError } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Call } from "../call.js";
import type { Action, Policy } from "../types.js";
import { discard } from "./retryable.js";

export interface TimeoutOptions {
  /** Milliseconds. A deadline of the call or of the context that ends earlier holds instead. */
  readonly timeoutMs: number;
  /** Appears in the error. @default "the call" */
  readonly name?: string;
}

/** The longest time of a timer. A longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647;

export const timerOption: z.ZodNumber = z.number().min(1).max(MAX_TIMER_MS);

const optionsSchema = z.strictObject({ timeoutMs: timerOption, name: z.string().min(1).default("the call") });

/**
 * Ends a call after a time, whether or not the action heeds its signal: the signal aborts, and the call rejects with
 * `SCALE_TIMEOUT`. The work itself may go on; its late result is dropped. A call that the caller aborts rejects at once.
 */
export function timeout(options: TimeoutOptions): Policy {
  const { timeoutMs, name } = parseOptions(optionsSchema, options, "timeout");
  return {
    run(action, input) {
      try {
        const parent = Call.from(input);
        const aborted = parent.abortReason;
        if (aborted !== undefined) return Promise.reject(aborted.value);
        const ms = Math.min(timeoutMs, parent.remainingMs());
        // The deadline has passed: the caller waits no longer.
        if (ms <= 0) return Promise.reject(new TimeoutError(name, 0));
        return runWithin(action, parent, { name, ms });
      } catch (error) {
        return Promise.reject(error);
      }
    },
  };
}

/** Runs an action for at most `ms`. */
export function runWithin<T>(action: Action<T>, parent: Call, { name, ms }: { name: string; ms: number }): Promise<T> {
  const call = parent.abortable(ms);
  return new Promise<T>((resolve, reject) => {
    let immediate: NodeJS.Immediate | undefined;
    let isOver = false;
    const give = (reason: unknown): void => {
      isOver = true;
      finish();
      call.abort(reason);
      reject(reason);
    };
    // A timer of each call, not a shared one: listeners of its signal run in the tenant's context.
    const timer = setTimeout(() => {
      // When the event loop was blocked, the answer may lie unread in the socket, and is read first.
      immediate = setImmediate(() => give(new TimeoutError(name, Math.round(ms))));
    }, ms);
    const unlisten = parent.onAbort(give);
    const finish = (): void => {
      clearTimeout(timer);
      if (immediate !== undefined) clearImmediate(immediate);
      unlisten?.();
      call.end();
    };
    start(action, call).then(
      (value) => {
        finish();
        // The body of a late response is not read by a caller, and its connection would stay taken.
        if (isOver) discard(value);
        resolve(value);
      },
      (error: unknown) => {
        finish();
        reject(error);
      },
    );
  });
}

/** An action that throws rejects. */
export async function start<T>(action: Action<T>, call: Call): Promise<T> {
  return action(call);
}
