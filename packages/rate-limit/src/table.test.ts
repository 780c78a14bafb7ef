import { createManualClock } from "@scale/core/testing";
import { describe, expect, it } from "vitest";
import { createTable } from "./table.js";
import type { Take } from "./types.js";

const rule = { name: "ip", by: "ip", limit: 10, windowMs: 60_000, burst: 10 } as const;
const take = (subject: string, cost = 1): Take => ({
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

  it("charges a share down to empty and no further", () => {
    const table = createTable({ clock: createManualClock(), maxKeys: 10 });
    for (let i = 0; i < 50; i++) table.charge(take("a", 5));
    expect(table.take(take("a")).standings[0]).toEqual({ remaining: 0, resetMs: 60_000, retryAfterMs: 6000 });
  });
});
