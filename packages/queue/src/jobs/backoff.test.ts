import { describe, expect, it } from "vitest";
import { backoffMs, backoffOption } from "./backoff.js";

const parse = (value: unknown) => backoffOption.parse(value);

describe("backoffMs", () => {
  it("doubles from the base up to the maximum", () => {
    const backoff = parse({ kind: "exponential", base: "1s", max: "5s", jitter: "none" });
    expect([1, 2, 3, 4, 2000].map((attempts) => backoffMs(backoff, attempts, () => 0.5))).toEqual([
      ...[1000, 2000, 4000, 5000, 5000],
    ]);
  });

  it("is random from 0 to the full delay by default", () => {
    const backoff = parse({ kind: "exponential", base: 100 });
    expect([0, 0.25, 0.999].map((value) => backoffMs(backoff, 3, () => value))).toEqual([0, 100, 400]);
  });

  it("stays the same with a fixed delay", () => {
    const backoff = parse({ kind: "fixed", delay: "2s", jitter: "none" });
    expect([1, 5].map((attempts) => backoffMs(backoff, attempts, Math.random))).toEqual([2000, 2000]);
  });

  it("has at least the base as its maximum", () => {
    expect(parse({ kind: "exponential", base: "10m" })).toMatchObject({ maxMs: 600_000 });
    expect(() => parse({ kind: "exponential", base: "10m", max: "1m" })).toThrow(/at least base/);
  });
});
