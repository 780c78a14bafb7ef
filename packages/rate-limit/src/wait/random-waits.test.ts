import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { createManualTimers } from "../../test/manual-timers.js";
import { createRateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";
import type { ConsumeRequest, RateLimitStore, RefundRequest } from "../types.js";
import { KeyQueues } from "./key-queues.js";

const SEED = 20_261_130;
const ALGORITHMS = ["gcra", "fixed-window", "sliding-window", "strict-window"] as const;

/** A store that answers later, and counts the units that it has charged and not refunded. */
function countingStore(memory: RateLimitStore) {
  let charged = 0;
  let inFlight = 0;
  const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const store: RateLimitStore = {
    ...memory,
    settlesWithinMs: 1000,
    async consume(request: ConsumeRequest) {
      const result = await memory.consume(request);
      if (result.allowed) charged += request.cost;
      inFlight++;
      await later();
      inFlight--;
      return result;
    },
    async refund(request: RefundRequest) {
      charged -= request.units;
      await memory.refund(request);
    },
  };
  return { store, charged: () => charged, isIdle: () => inFlight === 0 };
}

/** One schedule of arrivals, aborts and pauses. @returns the requests in order of arrival, each with its outcome */
async function runSchedule(seed: number) {
  const random = seededRandom(seed);
  const pick = (n: number): number => Math.floor(random() * n);
  const clock = createManualClock(1_700_000_040_000);
  const { store, charged, isIdle } = countingStore(memoryStore({ clock }));
  const timers = createManualTimers(clock, isIdle);
  const limit = 1 + pick(20);
  const algorithm = ALGORITHMS[pick(ALGORITHMS.length)] ?? "gcra";
  const rules = { tenant: { limit, window: 1 + pick(2000), algorithm } };
  const limiter = createRateLimiter({ rules, store, clock, denialCacheMs: pick(2) * 1000 });
  const queueLimit = 1 + pick(8);
  const totalQueueLimit = 1 + pick(16);
  const queue = new KeyQueues({
    ...{ limiter, clock, setTimer: timers.setTimer },
    ...{ queueLimit, totalQueueLimit, maxWaitMs: 1000 },
  });
  const admitted: string[] = [];
  const problems: string[] = [];
  const waits: Promise<void>[] = [];
  const sizes: number[] = [];

  function arrive(id: number): void {
    const tenantId = `t${pick(3)}`;
    const cost = 1 + pick(Math.min(limit, 4));
    const maxWaitMs = pick(4) === 0 ? 0 : pick(3000);
    const abort = new AbortController();
    waits.push(
      queue.wait({ tenantId }, { cost, maxWaitMs, signal: abort.signal }).then(
        (result) => {
          if (result.waitedMs > maxWaitMs) problems.push(`${id} waited ${result.waitedMs} of ${maxWaitMs} ms`);
          if (result.allowed) admitted.push(`${tenantId} ${id} ${cost}`);
          else if (result.reason === "deadline")
            expect(result.waitedMs + result.retryAfterMs).toBeGreaterThanOrEqual(0);
        },
        (error: unknown) => {
          if (error !== abort.signal.reason) problems.push(`${id} rejected: ${String(error)}`);
        },
      ),
    );
    if (pick(5) === 0) setImmediate(() => abort.abort(new Error(`abort ${id}`)));
  }

  for (let id = 0; id < 60; id++) {
    arrive(id);
    sizes.push(queue.size);
    if (pick(3) === 0) await timers.advance(pick(200));
  }
  // No request waits for longer than 3 s.
  for (let i = 0; i < 40; i++) await timers.advance(100);
  await Promise.all(waits);
  await timers.settle();
  return { admitted, problems, sizes, queue, timers, charged, totalQueueLimit };
}

describe("wait queues under random schedules", () => {
  it(`admit in order, within all bounds, and charge only what they admit (seed ${SEED})`, async () => {
    for (let run = 0; run < 60; run++) {
      const { admitted, problems, sizes, queue, timers, charged, totalQueueLimit } = await runSchedule(SEED + run);
      const about = `seed ${SEED + run}`;
      expect(problems, about).toEqual([]);
      for (const tenant of ["t0", "t1", "t2"]) {
        const ids = admitted.filter((line) => line.startsWith(tenant)).map((line) => Number(line.split(" ")[1]));
        expect(ids, about).toEqual(ids.toSorted((a, b) => a - b));
      }
      expect(Math.max(...sizes), about).toBeLessThanOrEqual(totalQueueLimit);
      expect([queue.size, timers.pending], about).toEqual([0, 0]);
      const units = admitted.reduce((sum, line) => sum + Number(line.split(" ")[2]), 0);
      expect(charged(), about).toBe(units);
    }
  });

  it(`refuse at once exactly the requests that could not pass in time (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let run = 0; run < 60; run++) {
      const clock = createManualClock();
      const timers = createManualTimers(clock);
      const limit = 1 + Math.floor(random() * 50);
      const burst = 1 + Math.floor(random() * 10);
      const rules = { tenant: { limit, burst, window: 1000 + Math.floor(random() * 5000) } };
      const limiter = createRateLimiter({ rules, store: memoryStore({ clock }), clock });
      const queue = new KeyQueues({
        ...{ limiter, clock, setTimer: timers.setTimer },
        ...{ queueLimit: 1000, totalQueueLimit: 1000, maxWaitMs: 0 },
      });
      const unitMs = rules.tenant.window / limit;
      /** When the bucket will be empty, as far as the accepted requests fill it. */
      let emptyAt = 0;
      const waits: Promise<void>[] = [];
      const problems: string[] = [];
      for (let i = 0; i < 40; i++) {
        const now = clock.monotonic();
        const maxWaitMs = Math.floor(random() * 1500);
        const passAt = Math.max(now, Math.max(now, emptyAt) + unitMs - burst * unitMs);
        const slackMs = now + maxWaitMs - passAt;
        const isAccepted = slackMs >= 0;
        if (isAccepted) emptyAt = Math.max(passAt, emptyAt) + unitMs;
        const check = queue.wait({ tenantId: "acme" }, { maxWaitMs }).then((result) => {
          // Waits are rounded up to whole milliseconds.
          if (Math.abs(slackMs) <= 2) return;
          const outcome = result.allowed ? "passed" : `${result.reason} after ${result.waitedMs} ms`;
          const expected = isAccepted ? "passed" : "deadline after 0 ms";
          if (outcome !== expected) problems.push(`request ${i} ${outcome}, expected ${expected}`);
        });
        waits.push(check);
        await timers.settle();
        if (Math.abs(slackMs) <= 2) break;
        await timers.advance(Math.floor(random() * 60));
      }
      await timers.advance(10_000);
      await Promise.all(waits);
      expect(problems, `seed ${SEED}, run ${run}`).toEqual([]);
    }
  });
});
