import { systemClock } from "./clock.js";
import { TimeoutError } from "./errors.js";

/** Waits for a piece of work, named by `what`, at most as long as the deadline allows. */
export type Deadline = <T>(work: PromiseLike<T>, what: string) => Promise<T>;

/**
 * Waits for `work` at most `timeoutMs`. The work itself is not stopped: what it does later is its own, and a late
 * failure is not an unhandled rejection.
 * @param what names the work in the error
 * @throws {TimeoutError} when the time is up
 */
export function withDeadline<T>(work: PromiseLike<T>, timeoutMs: number, what: string): Promise<T> {
  return createDeadline(timeoutMs)(work, what);
}

/** `withDeadline` for a hot path. */
export function createDeadline(timeoutMs: number): Deadline {
  const watch = createWatch(timeoutMs);
  return (work, what) =>
    new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new TimeoutError(what, timeoutMs));
      watch.begin(giveUp);
      work.then(
        (value) => {
          watch.end(giveUp);
          resolve(value);
        },
        (error: unknown) => {
          watch.end(giveUp);
          reject(error);
        },
      );
    });
}

/** Calls what waits when its time is up. */
export interface Watch {
  begin(giveUp: () => void): void;
  end(giveUp: () => void): void;
}

/**
 * One timer for all that waits under the same deadline, because setting and clearing one for each costs more than the rest
 * of a call.
 */
export function createWatch(timeoutMs: number): Watch {
  // In the order of their ends, which is the order in which they began.
  const waiting = new Map<() => void, number>();
  let timer: NodeJS.Timeout | undefined;

  function expire(): void {
    timer = undefined;
    const now = systemClock.monotonic();
    for (const [giveUp, until] of waiting) {
      if (until > now) return arm(until - now);
      waiting.delete(giveUp);
      giveUp();
    }
  }

  function arm(ms: number): void {
    // Through setImmediate: when the event loop was blocked, the answer may lie unread in the socket, and is read first.
    timer = setTimeout(() => setImmediate(expire), Math.ceil(ms));
  }

  return {
    begin(giveUp) {
      waiting.set(giveUp, systemClock.monotonic() + timeoutMs);
      if (timer === undefined) arm(timeoutMs);
      // A process that waits for an answer must live until it has one, and one that does not must be free to end.
      else if (waiting.size === 1) timer.ref();
    },
    end(giveUp) {
      waiting.delete(giveUp);
      if (waiting.size === 0) timer?.unref();
    },
  };
}
