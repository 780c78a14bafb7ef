/** What was read, and whether there may be more. */
export interface Read<T> {
  readonly items: readonly T[];
  readonly end: "more" | "over" | "stopped";
}

/** Reads an iterable of the caller's, which may answer late or never, until it is over or the run is stopped. */
export interface Reader<T> {
  /** Up to `most` items, one after the other. Rejects with what the iterable throws. */
  read(most: number): Promise<Read<T>>;
  /** Tells the iterable that nothing more is read, and does not wait for it. */
  close(): void;
}

export function readerOf<T>(items: Iterable<T> | AsyncIterable<T>, stop: AbortSignal): Reader<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  return {
    async read(most) {
      const read: T[] = [];
      while (read.length < most) {
        if (stop.aborted) return { items: read, end: "stopped" };
        const next = iterator.next();
        const result = "then" in next ? await untilStopped(next, stop) : next;
        if (result === undefined) return { items: read, end: "stopped" };
        if (result.done === true) return { items: read, end: "over" };
        read.push(result.value);
      }
      return { items: read, end: "more" };
    },
    close() {
      // It may fail to tidy up: of what was read nothing is wrong, and nobody waits.
      Promise.resolve()
        .then(() => iterator.return?.())
        .catch(() => undefined);
    },
  };
}

/** `undefined` when it is stopped first. Leaves nothing behind at the signal: a run waits a million times. */
export function untilStopped<T>(work: PromiseLike<T>, stop: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = (): void => resolve(undefined);
    const off = (): void => stop.removeEventListener("abort", end);
    stop.addEventListener("abort", end);
    if (stop.aborted) end();
    work.then(
      (value) => {
        off();
        resolve(value);
      },
      (error: unknown) => {
        off();
        reject(error);
      },
    );
  });
}
