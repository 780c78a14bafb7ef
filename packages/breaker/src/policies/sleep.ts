import type { Call } from "../call.js";

/** Waits, or rejects with the reason of the call as soon as it is aborted. */
export function sleep(ms: number, call: Call): Promise<void> {
  const aborted = call.abortReason;
  if (aborted !== undefined) return Promise.reject(aborted.value);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      unlisten?.();
      resolve();
    }, ms);
    const unlisten = call.onAbort((reason) => {
      clearTimeout(timer);
      reject(reason);
    });
  });
}
