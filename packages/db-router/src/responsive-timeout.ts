import { TimeoutError } from "@scale/core";

/*
 * Timeouts that count only the time in which this process ran.
 *
 * A plain timer that is due while the event loop is blocked fires before the sockets are read. A server that answered in
 * time would look frozen, and the router would eject it and end its reads exactly when the process is at its busiest. The
 * timeout is therefore measured in short slices, and a blocked event loop costs at most one of them.
 */

/** Slices of one timeout. More slices ignore shorter blocks and cost more timers. */
const SLICES = 10;

/** @returns a function that cancels the timeout */
export function startResponsiveTimeout(giveUp: () => void, timeoutMs: number): () => void {
  let left = SLICES;
  let timer: NodeJS.Timeout | undefined;
  let immediate: NodeJS.Immediate | undefined;

  function startSlice(): void {
    left -= 1;
    if (left >= 0) timer = setTimeout(startSlice, timeoutMs / SLICES);
    // After the sockets were read: the answer may have arrived during the last slice.
    else immediate = setImmediate(giveUp);
  }
  startSlice();
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/**
 * Rejects when `work` has not settled after `timeoutMs` in which this process ran. The work itself goes on.
 * @throws {TimeoutError}
 */
export function withResponsiveDeadline<T>(work: PromiseLike<T>, timeoutMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = startResponsiveTimeout(() => reject(new TimeoutError(what, timeoutMs)), timeoutMs);
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
