const nothing = (): void => undefined;

/** Calls `listener` when the signal aborts, also when it has already. @returns a function that removes the listener */
export function onAbort(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) listener();
  else signal.addEventListener("abort", listener, { once: true });
  return () => signal.removeEventListener("abort", listener);
}
