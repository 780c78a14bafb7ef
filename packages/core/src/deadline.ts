import { systemClock } from "./clock.js";
import { StoreError, TimeoutError } from "./errors.js";
import { inRootContext } from "./root-context.js";
import { isPromiseLike } from "./start-thenable.js";

/** Waits for `work` up to the deadline; `what` names the work in the error. */
export type Deadline = <T>(work: PromiseLike<T>, what: string) => Promise<T>;

/**
 * Waits for `work` at most `timeoutMs`. The work itself is not stopped: its effects still happen, and its late failure is
 * not an unhandled rejection.
 * @param what names the work in the error
 * @throws {TimeoutError} after `timeoutMs`
 */
export function withDeadline<T>(work: PromiseLike<T>, timeoutMs: number, what: string): Promise<T> {
  return createDeadline(timeoutMs)(work, what);
}

/** `withDeadline` for a hot path. */
export function createDeadline(timeoutMs: number): Deadline {
  const timer = createSharedTimer(timeoutMs);
  return (work, what) =>
    new Promise((resolve, reject) => {
      const onTimeout = (): void => reject(new TimeoutError(what, timeoutMs));
      timer.add(onTimeout);
      work.then(
        (value) => {
          timer.remove(onTimeout);
          resolve(value);
        },
        (error: unknown) => {
          timer.remove(onTimeout);
          reject(error);
        },
      );
    });
}

/**
 * Calls a store and waits for its answer up to the deadline.
 * @param deadline `undefined` for a store that keeps a deadline of its own
 * @param what names the store in the errors
 * @throws {StoreError} when the store throws, rejects or is late; `cause` is its error or the TimeoutError
 */
export async function withStoreDeadline<T>(
  call: () => T | PromiseLike<T>,
  deadline: Deadline | undefined,
  what: string,
): Promise<T> {
  try {
    const answer = call();
    return await (deadline !== undefined && isPromiseLike(answer) ? deadline(answer, what) : answer);
  } catch (cause) {
    throw new StoreError(`${what} could not answer`, { cause });
  }
}

/** Longest time of a timer in milliseconds, 24.8 days: Node lets a longer one end at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** Calls every callback that is still there `timeoutMs` after it was added, outside of any tenant. */
export interface SharedTimer {
  add(onTimeout: () => void): void;
  remove(onTimeout: () => void): void;
}

/**
 * One timer for all work under the same deadline: to set and clear a timer for each call costs more than the rest of the
 * call.
 */
export function createSharedTimer(timeoutMs: number): SharedTimer {
  // By deadline, which is the order of insertion because all have the same timeout.
  const waiting = new Map<() => void, number>();
  let timer: NodeJS.Timeout | undefined;

  function expire(): void {
    timer = undefined;
    const now = systemClock.monotonic();
    for (const [onTimeout, deadline] of waiting) {
      if (deadline > now) return arm(deadline - now);
      waiting.delete(onTimeout);
      onTimeout();
    }
  }

  function arm(ms: number): void {
    // Through setImmediate: when the event loop was blocked, the answer may lie unread in the socket, and is read first.
    timer = inRootContext(() => setTimeout(() => setImmediate(expire), Math.min(Math.ceil(ms), MAX_TIMER_MS)));
  }

  return {
    add(onTimeout) {
      waiting.set(onTimeout, systemClock.monotonic() + timeoutMs);
      if (timer === undefined) arm(timeoutMs);
      // A process that waits for an answer must live until it has one, and one that does not must be free to end.
      else if (waiting.size === 1) timer.ref();
    },
    remove(onTimeout) {
      waiting.delete(onTimeout);
      if (waiting.size === 0) timer?.unref();
    },
  };
}
