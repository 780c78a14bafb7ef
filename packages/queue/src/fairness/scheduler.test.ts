import { describe, expect, it } from "vitest";
import type { TenantShare } from "../types.js";
import { createScheduler, type Scheduler } from "./scheduler.js";

const SHARE: TenantShare = { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity };

function fill(scheduler: Scheduler, tenantId: string, jobs: number): void {
  for (let i = 0; i < jobs; i++) scheduler.enqueue(tenantId, 0);
}

/** Starts and finishes jobs one after the other, and counts them by tenant. */
function serve(
  scheduler: Scheduler,
  jobs: number,
  usedMs: (tenantId: string) => number = () => 1,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < jobs; i++) {
    const tenantId = scheduler.next(0);
    if (tenantId === undefined) return counts;
    const charged = scheduler.start(tenantId, 1, 0);
    counts[tenantId] = (counts[tenantId] ?? 0) + 1;
    scheduler.finish(tenantId, { charged, usedMs: usedMs(tenantId), nowMs: 0 });
  }
  return counts;
}

describe("createScheduler", () => {
  it("starts nothing without a job", () => {
    expect(createScheduler({ charge: "count" }).next(0)).toBeUndefined();
  });

  it("starts a new tenant's job next, however long the backlog of another is", () => {
    const scheduler = createScheduler({ charge: "count" });
    fill(scheduler, "noisy", 50_000);
    serve(scheduler, 1000);
    scheduler.enqueue("quiet", 0);
    expect(serve(scheduler, 2)).toHaveProperty("quiet", 1);
  });

  it("charges a job the average of its tenant, of which each run is an eighth", () => {
    const scheduler = createScheduler({ charge: "time" });
    fill(scheduler, "a", 4);
    const charges = [80, 160, 8].map((usedMs) => {
      const charged = scheduler.start("a", 1, 0);
      scheduler.finish("a", { charged, usedMs, nowMs: 0 });
      return charged;
    });
    // Without a run 10, then 80, 80 + (160 - 80) / 8, and 90 + (8 - 90) / 8.
    expect([...charges, scheduler.start("a", 1, 0)]).toEqual([10, 80, 90, 79.75]);
    // A tenant without a run is charged the average of the queue.
    fill(scheduler, "b", 1);
    expect(scheduler.start("b", 1, 0)).toBe(79.75);
  });

  it("serves tenants by their weights, in no run of more than a few jobs", () => {
    const scheduler = createScheduler({ charge: "count" });
    for (const [tenantId, weight] of [
      ["a", 1],
      ["b", 3],
      ["c", 6],
    ] as const) {
      scheduler.setShare(tenantId, { ...SHARE, weight }, 0);
      fill(scheduler, tenantId, 2000);
    }
    expect(serve(scheduler, 1000)).toEqual({ a: 100, b: 300, c: 600 });
    let run = 0;
    let longest = 0;
    for (let i = 0; i < 100; i++) {
      run = scheduler.next(0) === "c" ? run + 1 : 0;
      longest = Math.max(longest, run);
      serve(scheduler, 1);
    }
    expect(longest).toBeLessThanOrEqual(4);
  });

  it("gives a tenant with slower jobs no more running time than the others", () => {
    const scheduler = createScheduler({ charge: "time" });
    for (const tenantId of ["slow", "fast"]) fill(scheduler, tenantId, 20_000);
    const usedMs = (tenantId: string): number => (tenantId === "slow" ? 100 : 10);
    const { slow = 0, fast = 0 } = serve(scheduler, 11_000, usedMs);
    expect((slow * 100) / (fast * 10)).toBeCloseTo(1, 1);
  });

  it("bills a job after it ran: a long one keeps its tenant back, and not for ever", () => {
    const scheduler = createScheduler({ charge: "time" });
    for (const tenantId of ["a", "b"]) fill(scheduler, tenantId, 1000);
    const first = scheduler.next(0) ?? "";
    const charged = scheduler.start(first, 1, 0);
    scheduler.finish(first, { charged, usedMs: 1000, nowMs: 0 });
    const others = serve(scheduler, 60, () => 10);
    expect(others[first]).toBeUndefined();
    expect(serve(scheduler, 200, () => 10)[first]).toBeGreaterThan(50);
  });

  it("starts no more jobs of a tenant at once than its cap, and goes on when one ends", () => {
    const scheduler = createScheduler({ charge: "count" });
    scheduler.setShare("a", { ...SHARE, maxInFlight: 2 }, 0);
    fill(scheduler, "a", 5);
    const charged = scheduler.start("a", 1, 0);
    expect(scheduler.next(0)).toBe("a");
    scheduler.start("a", 1, 0);
    expect(scheduler.next(0)).toBeUndefined();
    scheduler.finish("a", { charged, usedMs: 1, nowMs: 0 });
    expect(scheduler.next(0)).toBe("a");
    expect(scheduler.inspect("a")).toEqual({ waiting: 3, inFlight: 1, paused: false });
  });

  it("starts jobs at the rate of a tenant, and says when the next may start", () => {
    const scheduler = createScheduler({ charge: "count" });
    scheduler.setShare("a", { ...SHARE, rate: { limit: 2, windowMs: 1000 } }, 0);
    fill(scheduler, "a", 5);
    for (let i = 0; i < 2; i++) {
      expect(scheduler.next(0)).toBe("a");
      scheduler.start("a", 1, 0);
    }
    expect([scheduler.next(0), scheduler.nextWakeMs()]).toEqual([undefined, 500]);
    expect([scheduler.next(499), scheduler.next(500)]).toEqual([undefined, "a"]);
  });

  it("starts no job of a paused or parked tenant, and those of others", () => {
    const scheduler = createScheduler({ charge: "count" });
    for (const tenantId of ["a", "b", "c"]) fill(scheduler, tenantId, 2);
    scheduler.pause("a", 0);
    scheduler.park("b", 100, 0);
    expect(serve(scheduler, 10)).toEqual({ c: 2 });
    scheduler.resume("a", 0);
    expect(serve(scheduler, 10)).toEqual({ a: 2 });
    expect(scheduler.next(100)).toBe("b");
  });

  it("gives a tenant that was away no credit for it", () => {
    const scheduler = createScheduler({ charge: "count" });
    fill(scheduler, "a", 3000);
    serve(scheduler, 1000);
    fill(scheduler, "b", 1000);
    const { a = 0, b = 0 } = serve(scheduler, 400);
    expect(Math.abs(a - b)).toBeLessThanOrEqual(2);
  });

  it("starts the last of a thousand tenants although others join all the time", () => {
    const scheduler = createScheduler({ charge: "count" });
    scheduler.enqueue("zzz", 0);
    for (let i = 0; i < 1000; i++) {
      scheduler.enqueue(`a${i}`, 0);
      const tenantId = scheduler.next(0) ?? "";
      scheduler.start(tenantId, 1, 0);
      if (tenantId === "zzz") return;
    }
    expect.fail("the tenant waited for 1,000 starts");
  });
});
