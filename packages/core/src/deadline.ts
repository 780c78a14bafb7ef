import { TimeoutError } from "./errors.js";

/**
 * Waits for `work` at most `timeoutMs`. The work itself is not stopped: what it does later is its own, and a late
 * failure is not an unhandled rejection.
 * @param what names the work in the error
 * @throws {TimeoutError} when the time is up
 */
export function withDeadline<T>(work: PromiseLike<T>, timeoutMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new TimeoutError(what, timeoutMs));
    // Through setImmediate: when the event loop was blocked, the answer may lie unread in the socket, and is read first.
    // Referenced on purpose: a process that waits for an answer must live until it has one.
    const timer = setTimeout(() => setImmediate(giveUp), timeoutMs);
    work.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
