import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { createTokenBucket } from "./token-bucket.js";

const never = new AbortController().signal;
const soon = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

describe("createTokenBucket", () => {
  it.each([1, 3, 9.5, 40, 200, 700])(
    "issues at most %d tokens in any second, and nearly as many",
    async (perSecond) => {
      const clock = createManualClock();
      const bucket = createTokenBucket(perSecond, clock);
      const random = seededRandom(20_261_120);
      const times: number[] = [];
      const seconds = 4;
      const step = 1000 / perSecond / 4;
      const count = Math.min(bucket.capacity, 1 + Math.floor(random() * bucket.capacity));
      const state = { isOver: false };
      const worker = async (): Promise<void> => {
        while (!state.isOver) {
          await bucket.take(count, never);
          for (let i = 0; i < count; i++) times.push(clock.monotonic());
        }
      };
      void worker();
      void worker();
      for (let at = 0; at < seconds * 1000; at += step) {
        clock.advance(step);
        // Wakes the sleeping worker without changing the tokens.
        bucket.refund(0);
        await soon();
      }
      state.isOver = true;
      for (const [i, from] of times.entries()) {
        expect(times.slice(i).filter((at) => at < from + 1000 - 1e-3).length).toBeLessThanOrEqual(Math.ceil(perSecond));
      }
      expect(times.length).toBeGreaterThan(0.8 * perSecond * seconds - bucket.capacity);
      clock.advance(10_000);
      bucket.refund(0);
    },
  );

  it("wakes the next caller at once after a refund", async () => {
    const bucket = createTokenBucket(10, createManualClock());
    let isIn = false;
    await bucket.take(1, never);
    const next = bucket.take(1, never).then(() => {
      isIn = true;
    });
    await soon();
    expect(isIn).toBe(false);
    bucket.refund(1);
    await next;
    expect(isIn).toBe(true);
  });

  it("resolves all waiting calls after an abort", async () => {
    const stop = new AbortController();
    const bucket = createTokenBucket(0.001, createManualClock());
    await bucket.take(1, stop.signal);
    const waiting = [bucket.take(1, stop.signal), bucket.take(1, stop.signal)];
    await soon();
    stop.abort();
    await Promise.all(waiting);
  });
});
