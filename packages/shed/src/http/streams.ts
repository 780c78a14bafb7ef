import type { HttpFacts } from "@scale/http";

/** Streams of server-sent events that each tenant may begin in a second without being counted. */
const PER_SECOND = 20;

/** Longest time in milliseconds for which a stream that is counted holds its room: later it waits, and does no work. */
export const STREAM_HOLD_MS = 1000;

/** True for a request for server-sent events. */
export const asksForStream = ({ method, header }: HttpFacts): boolean =>
  method === "GET" && header("accept")?.includes("text/event-stream") === true;

/**
 * Streams that pass without being counted, in the present second. They have a bound, because every request can ask for a stream
 * in its headers.
 */
export class StreamAllowance {
  readonly #begun = new Map<string, number>();
  #second = Number.NaN;

  take(tenantId: string, nowMs: number): boolean {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#begun.clear();
    }
    const begun = (this.#begun.get(tenantId) ?? 0) + 1;
    this.#begun.set(tenantId, begun);
    return begun <= PER_SECOND;
  }
}
