/**
 * Headers of a stream. `no-transform` keeps compression from buffering it, and `X-Accel-Buffering: no` keeps nginx from it.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-store, no-transform",
  "x-accel-buffering": "no",
};
