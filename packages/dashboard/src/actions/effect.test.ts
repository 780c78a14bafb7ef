import { describe, expect, it } from "vitest";
import type { SecondCounts } from "../types.js";
import { atLeast, effectOf, feltSentence } from "./effect.js";

const second = (counts: Partial<SecondCounts> = {}): SecondCounts => ({
  ...{ admitted: 10, denied: 0, failed: 0, p50: 1, p95: 2, p99: 4 },
  ...counts,
});
const NOW = 1_000_000;

describe("effectOf", () => {
  it("sums up the seconds that overlap the period, and compares with the median of the ten before", () => {
    const calm = Array.from({ length: 20 }, (_, at) => second({ p99: at }));
    const seconds = [...calm, second({ failed: 2, p99: 90 }), second({ denied: 3, p99: 40 }), second()];
    const effect = effectOf(seconds, NOW, { fromMs: NOW - 2_500, untilMs: NOW - 1_000 });
    expect(effect).toEqual({ requests: 25, denied: 3, failed: 2, worstP99: 90, p99Before: 15 });
  });

  it("knows no latency of seconds without requests", () => {
    const seconds = [second({ admitted: 0, p99: null }), second({ admitted: 0, p99: null })];
    const effect = effectOf(seconds, NOW, { fromMs: NOW - 900, untilMs: NOW });
    expect(effect).toEqual({ requests: 0, denied: 0, failed: 0, worstP99: null, p99Before: null });
    expect(feltSentence(effect)).toBe("no requests were seen");
  });
});

describe("atLeast", () => {
  it("keeps the highest of both, and what was before", () => {
    const known = { requests: 500, denied: 1, failed: 7, worstP99: 80, p99Before: 12 };
    const later = { requests: 400, denied: 9, failed: 0, worstP99: null, p99Before: 60 };
    expect(atLeast(known, later)).toEqual({ requests: 500, denied: 9, failed: 7, worstP99: 80, p99Before: 12 });
  });
});

describe("feltSentence", () => {
  it.each([
    [
      { requests: 90, denied: 0, failed: 0, worstP99: 31.4, p99Before: 2.13 },
      "no request failed, p99 at most 31 ms (2.1 ms before)",
    ],
    [
      { requests: 90, denied: 4, failed: 2, worstP99: 31, p99Before: null },
      "2 of 90 requests failed, 4 of 90 were refused, p99 at most 31 ms",
    ],
  ])("says what callers noticed of %j", (effect, sentence) => {
    expect(feltSentence(effect)).toBe(sentence);
  });
});
