import type { SecondCounts } from "../types.js";

/** Requests of the seconds of an incident, and the latency before it. */
export interface Effect {
  readonly requests: number;
  readonly denied: number;
  readonly failed: number;
  /** Highest p99 of a second, in milliseconds. */
  readonly worstP99: number | null;
  /** Median p99 of the seconds before, in milliseconds. */
  readonly p99Before: number | null;
}

export interface Period {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Seconds before an incident that its latency is compared with. */
const BEFORE = 10;

/**
 * Sums up the seconds that overlap a period.
 * @param seconds oldest first; the last one ended within the second before `atMs`
 */
export function effectOf(seconds: readonly SecondCounts[], atMs: number, { fromMs, untilMs }: Period): Effect {
  const endOf = (index: number): number => atMs - (seconds.length - 1 - index) * 1000;
  const during = seconds.filter((_, index) => endOf(index) > fromMs && endOf(index) - 1000 < untilMs);
  const before = seconds.filter((_, index) => endOf(index) <= fromMs).slice(-BEFORE);
  const sum = (read: (second: SecondCounts) => number): number =>
    during.reduce((total, second) => total + read(second), 0);
  const p99s = (of: readonly SecondCounts[]): number[] =>
    of.flatMap(({ p99 }) => (p99 === null ? [] : [p99])).toSorted((a, b) => a - b);
  const earlier = p99s(before);
  return {
    requests: sum(({ admitted, denied, failed }) => admitted + denied + failed),
    denied: sum(({ denied }) => denied),
    failed: sum(({ failed }) => failed),
    worstP99: p99s(during).at(-1) ?? null,
    p99Before: earlier[Math.floor(earlier.length / 2)] ?? null,
  };
}

/** Joins two effects of one incident, of which the first has lost its oldest seconds. */
export function atLeast(known: Effect, now: Effect): Effect {
  return {
    requests: Math.max(known.requests, now.requests),
    denied: Math.max(known.denied, now.denied),
    failed: Math.max(known.failed, now.failed),
    worstP99: Math.max(known.worstP99 ?? 0, now.worstP99 ?? 0) || null,
    p99Before: known.p99Before,
  };
}

/** The effect on callers as a sentence, without its full stop. */
export function feltSentence({ requests, denied, failed, worstP99, p99Before }: Effect): string {
  if (requests === 0) return "no requests were seen";
  const parts = [
    failed === 0 ? "no request failed" : `${failed} of ${requests} requests failed`,
    ...(denied > 0 ? [`${denied} of ${requests} were refused`] : []),
    ...(worstP99 === null ? [] : [`p99 at most ${shownMs(worstP99)}${beforeText(p99Before)}`]),
  ];
  return parts.join(", ");
}

const beforeText = (p99: number | null): string => (p99 === null ? "" : ` (${shownMs(p99)} before)`);

const shownMs = (ms: number): string => `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
