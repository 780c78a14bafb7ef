/**
 * Runs `load` once per key at a time; callers that arrive meanwhile share its promise, and its failure.
 * Nothing is remembered after it settles.
 */
export function singleFlight<T>(): (key: string, load: () => Promise<T>) => Promise<T> {
  const pending = new Map<string, Promise<T>>();
  return (key, load) => {
    const shared = pending.get(key);
    if (shared !== undefined) return shared;
    const started = Promise.resolve()
      .then(load)
      .finally(() => pending.delete(key));
    pending.set(key, started);
    return started;
  };
}
