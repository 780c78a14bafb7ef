import { describeValue } from "@scale/core/kit";
import type { ResponseEnd } from "./types.js";

/** An `onEnd` callback of a verdict. */
export type OnEnd = (end: ResponseEnd) => void;

/** The end of a request for which the adapter sent no response. */
export const NOT_SENT: ResponseEnd = Object.freeze({ status: undefined, complete: false });

/**
 * Runs an `onEnd` callback. It runs on an event of the connection, where no caller can catch its error, so that the error
 * is emitted as a process warning.
 */
export function runOnEnd(onEnd: OnEnd, end: ResponseEnd): void {
  try {
    onEnd(end);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

/** Combines callbacks to one that runs each of them, also when another one throws. */
export function combineOnEnd(callbacks: readonly OnEnd[]): OnEnd {
  return (end) => {
    for (const onEnd of callbacks) runOnEnd(onEnd, end);
  };
}

/** The end of a response that emits no event for it. */
export interface EndWatch {
  /** Status of the response, as soon as there is one. */
  status: number | undefined;
  /** Runs `onEnd`, the first time only. */
  readonly end: (complete: boolean) => void;
}

/** A fetch `Request`. The signal is missing in some runtimes, and in requests that tests make up. */
interface AbortableRequest {
  readonly signal?: Partial<Pick<AbortSignal, "aborted" | "addEventListener" | "removeEventListener">>;
}

/**
 * Watches for the end of a response without an end event: `onEnd` runs once, when `end` is called or when the runtime aborts
 * the request because the client disconnected.
 */
export function watchEnd(onEnd: OnEnd, request: AbortableRequest): EndWatch {
  let hasEnded = false;
  const abort = (): void => watch.end(false);
  const watch: EndWatch = {
    status: undefined,
    end(complete) {
      if (hasEnded) return;
      hasEnded = true;
      // Through the request, which this callback keeps alive: the signal of a collected request no longer aborts.
      request.signal?.removeEventListener?.("abort", abort);
      runOnEnd(onEnd, { status: watch.status, complete });
    },
  };
  request.signal?.addEventListener?.("abort", abort);
  if (request.signal?.aborted === true) abort();
  return watch;
}
