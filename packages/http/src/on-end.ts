import { describeValue } from "@scale/core/kit";

/**
 * Runs an `onEnd` callback. It runs on an event of the connection, where no caller can catch its error, so that the error
 * is emitted as a process warning.
 */
export function runOnEnd(onEnd: () => void): void {
  try {
    onEnd();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

/** Combines callbacks to one that runs each of them, also when another one throws. */
export function combineOnEnd(callbacks: readonly (() => void)[]): () => void {
  return () => callbacks.forEach(runOnEnd);
}

/**
 * Wraps `onEnd` for a response without an end event: it runs once, when the returned function is called or when the
 * runtime aborts `signal` because the client disconnected.
 */
export function endOnce(onEnd: () => void, signal: AbortSignal): () => void {
  let hasEnded = false;
  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    signal.removeEventListener("abort", end);
    runOnEnd(onEnd);
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  return end;
}
