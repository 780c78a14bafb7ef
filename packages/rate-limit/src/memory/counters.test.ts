import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createTable } from "./counters.js";
import { ruleOf } from "../testing/rule.js";
import type { ConsumeRequest } from "../types.js";

const rule = ruleOf({ name: "ip", by: "ip", limit: 10, windowMs: 60_000 });
const take = (subject: string, cost = 1): ConsumeRequest => ({
  tenantId: "acme",
  cost,
  charges: [{ rule, scope: ["api", "ip"], subject }],
});

describe("createTable", () => {
  it("lets who rotates keys push out his own, not the busy ones", () => {
    const table = createTable({ clock: createManualClock(), maxKeys: 100 });
    for (let i = 0; i < 10; i++) table.take(take(`busy-${i}`, 10));
    for (let i = 0; i < 10_000; i++) table.take(take(`flood-${i}`));
    const stillDenied = Array.from({ length: 10 }, (_, i) => table.take(take(`busy-${i}`))).filter(
      ({ allowed }) => !allowed,
    );
    expect(stillDenied).toHaveLength(10);
  });

  it("protects a short window that is used up from keys of a long one", () => {
    const table = createTable({ clock: createManualClock(), maxKeys: 100 });
    table.take(take("victim", 10));
    const daily = { ...rule, name: "daily", limit: 100, burst: 100, windowMs: 86_400_000 };
    for (let i = 0; i < 10_000; i++) {
      table.take({
        tenantId: "evil",
        cost: 1,
        charges: [{ rule: daily, scope: ["api", "daily"], subject: `ip-${i}` }],
      });
    }
    expect(table.take(take("victim")).allowed).toBe(false);
  });

  it("stays within maxKeys, and forgets nothing that is not full again while there is room", () => {
    const clock = createManualClock();
    const table = createTable({ clock, maxKeys: 1000 });
    for (let i = 0; i < 900; i++) table.take(take(`used-${i}`, 10));
    clock.advance(59_000);
    for (let i = 0; i < 100; i++) table.take(take(`new-${i}`));
    const known = Array.from({ length: 900 }, (_, i) => table.take(take(`used-${i}`, 10)).allowed);
    expect(known).not.toContain(true);
  });

  it("protects slots that are held from keys that hold few", () => {
    const table = createTable({ clock: createManualClock(), maxKeys: 100 });
    const slots = { ...rule, name: "running", algorithm: "concurrency" as const };
    const acquire = (subject: string, slot: string): boolean =>
      table.take({ tenantId: "acme", cost: 1, slot, charges: [{ rule: slots, scope: ["api", "running"], subject }] })
        .allowed;
    for (let i = 0; i < 10; i++) acquire("busy", `slot-${i}`);
    for (let i = 0; i < 10_000; i++) acquire(`flood-${i}`, "slot");
    expect(acquire("busy", "one more")).toBe(false);
  });

  it("answers a question of more rules than it may keep", () => {
    const table = createTable({ clock: createManualClock(), maxKeys: 2 });
    const charges = Array.from({ length: 5 }, (_, i) => ({ rule, scope: ["api", `rule-${i}`], subject: "ann" }));
    for (let i = 0; i < 20; i++) {
      table.take({ tenantId: "acme", cost: 10, charges });
    }
    // The two that it keeps are full.
    expect(table.take({ tenantId: "acme", cost: 1, charges }).allowed).toBe(false);
  });

  it("keeps what a question charges that finds its own keys swept out", () => {
    const clock = createManualClock();
    const table = createTable({ clock, maxKeys: 1000 });
    const charges = Array.from({ length: 8 }, (_, i) => ({ rule, scope: ["api", `rule-${i}`], subject: "ann" }));
    table.take({ tenantId: "acme", cost: 10, charges: charges.slice(4) });
    // All of it is empty again: the new keys of the next question sweep out those that it is about to charge.
    clock.advance(60_000);
    table.take({ tenantId: "acme", cost: 10, charges });
    const { statuses } = table.take({ tenantId: "acme", cost: 0, charges });
    expect(statuses.map(({ remaining }) => remaining)).toEqual(charges.map(() => 0));
  });

  it("charges a share down to empty and no further", () => {
    const table = createTable({ clock: createManualClock(), maxKeys: 10 });
    for (let i = 0; i < 50; i++) table.charge(take("a", 5));
    expect(table.take(take("a")).statuses[0]).toEqual({ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 });
  });
});
