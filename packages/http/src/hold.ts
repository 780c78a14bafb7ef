import { describeValue } from "@scale/core/kit";
import type { Hold } from "./types.js";

/** Releases a hold. No caller could catch its error, so that the error is emitted as a process warning. */
export function releaseHold(hold: Hold): void {
  warnOnError(() => hold.release());
}

/** Lets a hold end by itself; releases one that cannot. */
export function expireHold(hold: Hold): void {
  warnOnError(() => (hold.letExpire === undefined ? hold.release() : hold.letExpire()));
}

/** A hold whose second release does nothing. */
export function releasedOnce(hold: Hold): Hold {
  let isReleased = false;
  return {
    release() {
      if (isReleased) return;
      isReleased = true;
      hold.release();
    },
    letExpire() {
      if (!isReleased) expireHold(hold);
    },
  };
}

function warnOnError(run: () => void): void {
  try {
    run();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

/** The holds of a fetch request. */
export interface FetchHolds {
  /** Releases all of it, the first time only. */
  release(): void;
  /** The handler has returned a body. When its client disconnects, the runtime may never tell of its end. */
  bodyBegins(isEventStream: boolean): void;
}

/** A fetch `Request`. The signal is missing in some runtimes, and in requests that tests make up. */
interface AbortableRequest {
  readonly signal?: Partial<Pick<AbortSignal, "aborted" | "addEventListener" | "removeEventListener">>;
}

/** Holds something until the handler of a fetch request, and the body of its response, have ended. */
export function holdForFetch(holds: readonly Hold[], request: AbortableRequest): FetchHolds {
  let held = holds;
  const expire = (): void => held.forEach(expireHold);
  return {
    release() {
      const released = held;
      held = [];
      request.signal?.removeEventListener?.("abort", expire);
      for (const hold of released) releaseHold(hold);
    },
    bodyBegins(isEventStream) {
      const released = isEventStream ? held.filter(({ untilEventStream }) => untilEventStream === true) : [];
      held = held.filter((hold) => !released.includes(hold));
      for (const hold of released) releaseHold(hold);
      request.signal?.addEventListener?.("abort", expire);
    },
  };
}
