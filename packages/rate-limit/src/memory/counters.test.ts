import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { MemoryCounters } from "./counters.js";
import { ruleOf } from "../testing/rule.js";
import type { ConsumeRequest } from "../types.js";

const rule = ruleOf({ name: "ip", by: "ip", limit: 10, windowMs: 60_000 });
const request = (subject: string, cost = 1): ConsumeRequest => ({
  tenantId: "acme",
  cost,
  charges: [{ rule, scope: ["api", "ip"], subject }],
});

describe("MemoryCounters", () => {
  it("evicts the keys of a client that rotates them, and not the busy ones", () => {
    const counters = new MemoryCounters({ clock: createManualClock(), maxKeys: 100 });
    for (let i = 0; i < 10; i++) counters.consume(request(`busy-${i}`, 10));
    for (let i = 0; i < 10_000; i++) counters.consume(request(`flood-${i}`));
    const stillDenied = Array.from({ length: 10 }, (_, i) => counters.consume(request(`busy-${i}`))).filter(
      ({ allowed }) => !allowed,
    );
    expect(stillDenied).toHaveLength(10);
  });

  it("protects a short window that is used up against keys of a long one", () => {
    const counters = new MemoryCounters({ clock: createManualClock(), maxKeys: 100 });
    counters.consume(request("victim", 10));
    const daily = { ...rule, name: "daily", limit: 100, burst: 100, windowMs: 86_400_000 };
    for (let i = 0; i < 10_000; i++) {
      counters.consume({
        tenantId: "evil",
        cost: 1,
        charges: [{ rule: daily, scope: ["api", "daily"], subject: `ip-${i}` }],
      });
    }
    expect(counters.consume(request("victim")).allowed).toBe(false);
  });

  it("stays within maxKeys, and evicts nothing that still counts while there is room", () => {
    const clock = createManualClock();
    const counters = new MemoryCounters({ clock, maxKeys: 1000 });
    for (let i = 0; i < 900; i++) counters.consume(request(`used-${i}`, 10));
    clock.advance(59_000);
    for (let i = 0; i < 100; i++) counters.consume(request(`new-${i}`));
    const known = Array.from({ length: 900 }, (_, i) => counters.consume(request(`used-${i}`, 10)).allowed);
    expect(known).not.toContain(true);
  });

  it("protects slots that are held from keys that hold few", () => {
    const counters = new MemoryCounters({ clock: createManualClock(), maxKeys: 100 });
    const slots = { ...rule, name: "running", algorithm: "concurrency" as const };
    const acquire = (subject: string, slot: string): boolean =>
      counters.consume({
        tenantId: "acme",
        cost: 1,
        slot,
        charges: [{ rule: slots, scope: ["api", "running"], subject }],
      }).allowed;
    for (let i = 0; i < 10; i++) acquire("busy", `slot-${i}`);
    for (let i = 0; i < 10_000; i++) acquire(`flood-${i}`, "slot");
    expect(acquire("busy", "one more")).toBe(false);
  });

  it("decides a request with more rules than it may keep", () => {
    const counters = new MemoryCounters({ clock: createManualClock(), maxKeys: 2 });
    const charges = Array.from({ length: 5 }, (_, i) => ({ rule, scope: ["api", `rule-${i}`], subject: "ann" }));
    for (let i = 0; i < 20; i++) {
      counters.consume({ tenantId: "acme", cost: 10, charges });
    }
    // The two counts that it keeps are used up.
    expect(counters.consume({ tenantId: "acme", cost: 1, charges }).allowed).toBe(false);
  });

  it("stores the charges of a request whose own insertions evict its keys", () => {
    const clock = createManualClock();
    const counters = new MemoryCounters({ clock, maxKeys: 1000 });
    const charges = Array.from({ length: 8 }, (_, i) => ({ rule, scope: ["api", `rule-${i}`], subject: "ann" }));
    counters.consume({ tenantId: "acme", cost: 10, charges: charges.slice(4) });
    // All counts are empty again: the new keys of the next request evict those that it is about to charge.
    clock.advance(60_000);
    counters.consume({ tenantId: "acme", cost: 10, charges });
    const { statuses } = counters.consume({ tenantId: "acme", cost: 0, charges });
    expect(statuses.map(({ remaining }) => remaining)).toEqual(charges.map(() => 0));
  });

  it("charges a local share down to zero and no further", () => {
    const counters = new MemoryCounters({ clock: createManualClock(), maxKeys: 10 });
    for (let i = 0; i < 50; i++) counters.chargeUpToLimit(request("a", 5));
    expect(counters.consume(request("a")).statuses[0]).toEqual({ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 });
  });
});
