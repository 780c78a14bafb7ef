/** Reads an iterable of the application in chunks. The iterable may be slow, or never settle. */
export interface AsyncSource<T> {
  /**
   * Reads at most `max` items, one after the other. Rejects with the error of the iterable.
   * @returns `end`: `more` when the source may have more items, `done` when it has none, `aborted` when the run was aborted
   * before all were read
   */
  read(max: number): Promise<{ readonly items: readonly T[]; readonly end: "more" | "done" | "aborted" }>;
  /** Tells the iterable that nothing more is read, without waiting for it. */
  close(): void;
}

export function asyncSource<T>(items: Iterable<T> | AsyncIterable<T>, signal: AbortSignal): AsyncSource<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  return {
    async read(max) {
      const read: T[] = [];
      while (read.length < max) {
        if (signal.aborted) return { items: read, end: "aborted" };
        const next = iterator.next();
        const result = "then" in next ? await untilAborted(next, signal) : next;
        if (result === undefined) return { items: read, end: "aborted" };
        if (result.done === true) return { items: read, end: "done" };
        read.push(result.value);
      }
      return { items: read, end: "more" };
    },
    close() {
      // An error of its cleanup does not concern the items that were read.
      Promise.resolve()
        .then(() => iterator.return?.())
        .catch(() => undefined);
    },
  };
}

/** Resolves with `undefined` if the signal aborts first. Removes its listener in any case, because a run waits a million times. */
export function untilAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => resolve(undefined);
    const cleanUp = (): void => signal.removeEventListener("abort", onAbort);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    work.then(
      (value) => {
        cleanUp();
        resolve(value);
      },
      (error: unknown) => {
        cleanUp();
        reject(error);
      },
    );
  });
}
