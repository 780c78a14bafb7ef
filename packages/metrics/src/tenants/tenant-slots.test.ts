import { createManualClock } from "@scale/core/testing";
import { seededRandom } from "@scale/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NO_COUNTER, SpaceSaving } from "./space-saving.js";
import { tenantLabel } from "./tenant-label.js";
import { MOVED, OTHER, TenantSlots } from "./tenant-slots.js";

const SEED = 20261130;

function create(max: number, windowMs = 1000) {
  const clock = createManualClock();
  return { clock, slots: new TenantSlots({ max, windowMs, hysteresis: 2, clock }) };
}

/** Counts events of an id. @returns how many events of it are certain, 0 for an id without a counter */
function add(sketch: SpaceSaving, id: string, events = 1): number {
  const counter = sketch.find(id);
  if (counter !== NO_COUNTER) return sketch.count(counter, events);
  const given = sketch.insert(id, events);
  return given === NO_COUNTER ? 0 : sketch.count(given, 0);
}

describe("SpaceSaving", () => {
  it("is certain of no more events than there were, and knows every id with a larger share than its counters", () => {
    const random = seededRandom(SEED);
    const sketch = new SpaceSaving(50);
    const exact = new Map<string, number>();
    let tooCertain = 0;
    for (let i = 0; i < 50_000; i++) {
      const id = `t${Math.floor(random() ** 8 * 5000)}`;
      exact.set(id, (exact.get(id) ?? 0) + 1);
      if (add(sketch, id) > exact.get(id)!) tooCertain++;
    }
    expect(tooCertain).toBe(0);
    const heavy = [...exact].filter(([, count]) => count > 50_000 / 50);
    expect(heavy.length).toBeGreaterThan(1);
    for (const [id, count] of heavy) expect(add(sketch, id)).toBeGreaterThan(count / 2);
    expect(sketch.size).toBe(50);
  });

  it("pushes the id with the fewest events out, whatever order events came in", () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < 200; round++) {
      const sketch = new SpaceSaving(8);
      const counts = new Map<string, number>();
      for (let i = 0; i < 100; i++) {
        const id = `t${Math.floor(random() * 8)}`;
        counts.set(id, (counts.get(id) ?? 0) + 1);
        add(sketch, id);
      }
      if (counts.size < 8) continue;
      const least = Math.min(...counts.values());
      for (let i = 0; i < least; i++) add(sketch, "new");
      const gone = [...counts].filter(([id]) => sketch.find(id) === NO_COUNTER);
      expect(gone.map(([, count]) => count)).toEqual([least]);
    }
  });

  it("stays a heap through random additions, removals and halvings", () => {
    const random = seededRandom(SEED);
    const sketch = new SpaceSaving(20);
    for (let i = 0; i < 20_000; i++) {
      const id = `t${Math.floor(random() * 60)}`;
      const counter = sketch.find(id);
      if (random() < 0.05) void (counter !== NO_COUNTER && sketch.remove(counter));
      else if (random() < 0.001) sketch.halve(1);
      else add(sketch, id, 1 + Math.floor(random() * 3));
    }
    expect(sketch.size).toBeLessThanOrEqual(20);
    // The least of all is replaced: an id that only ever comes once pushes none of the heavy ones out.
    for (let i = 0; i < 1000; i++) add(sketch, "heavy");
    for (let i = 0; i < 900; i++) add(sketch, `once${i}`);
    expect(add(sketch, "heavy")).toBeGreaterThan(500);
  });
});

describe("TenantSlots", () => {
  it("gives the first tenants slots of their own, and the rest the slot of others", () => {
    const { slots } = create(2);
    const [a, b] = [slots.record("a"), slots.record("b")];
    expect(new Set([a, b, OTHER, MOVED]).size).toBe(4);
    expect(slots.record("c")).toBe(OTHER);
    expect(slots.record("a")).toBe(a);
  });

  it("replaces the lightest tenant by one with twice its traffic, in the window in which it becomes heavy", () => {
    const { slots } = create(2);
    for (let i = 0; i < 100; i++) slots.record("heavy");
    for (let i = 0; i < 10; i++) slots.record("light");
    const moves: number[][] = [];
    slots.onMove((from, to) => moves.push([from, to]));
    const light = slots.find("light")!;
    for (let i = 0; i < 20; i++) expect(slots.record("late")).toBe(OTHER);
    expect(slots.record("late")).toBe(light);
    expect(moves).toEqual([[light, MOVED]]);
    expect(slots.find("light")).toBeUndefined();
  });

  it("does not let tenants of equal traffic take turns", () => {
    const { slots } = create(5);
    let moves = 0;
    slots.onMove(() => moves++);
    for (let round = 0; round < 2000; round++) for (let tenant = 0; tenant < 10; tenant++) slots.record(`t${tenant}`);
    expect(moves).toBe(0);
  });

  it("forgets traffic of earlier windows, so that a tenant that was heavy for an hour yields to one that is heavy now", () => {
    const { slots, clock } = create(1);
    for (let i = 0; i < 1_000_000; i++) slots.record("old");
    clock.advance(3_600_000);
    slots.turnWhenDue();
    for (let i = 0; i < 8; i++) slots.record("new");
    expect(slots.find("new")).toBeDefined();
    expect(slots.find("old")).toBeUndefined();
  });

  it("names the next series of a tenant that returns differently", () => {
    const { slots } = create(1);
    slots.record("a");
    const first = slots.textOf(slots.find("a")!);
    for (let i = 0; i < 8; i++) slots.record("b");
    for (let i = 0; i < 100; i++) slots.record("a");
    const second = slots.textOf(slots.find("a")!);
    expect(first).toBe('tenant="a"');
    expect(second).toBe('tenant="a",part="3"');
  });

  it("moves nothing while a scrape holds the slots, and goes on afterwards", () => {
    const { slots } = create(1);
    slots.record("a");
    const release = slots.hold();
    const second = slots.hold();
    for (let i = 0; i < 100; i++) slots.record("b");
    release();
    release();
    expect(slots.record("b")).toBe(OTHER);
    second();
    expect(slots.record("b")).not.toBe(OTHER);
  });

  it("is not confused by a wall clock that goes backwards", () => {
    const { slots, clock } = create(1);
    slots.record("a");
    clock.setWall(0);
    for (let i = 0; i < 200; i++) slots.record("a");
    expect(slots.find("a")).toBeDefined();
  });

  it.each(["__proto__", "constructor", "other", "~other", "toString", "\ud800", 'a"b\n\\'])("keeps %j apart", (id) => {
    const { slots } = create(10);
    const slot = slots.record(id);
    expect(slot).not.toBe(OTHER);
    expect(slots.record(id)).toBe(slot);
    expect(slots.idOf(slot)).toBe(id);
    expect(slots.textOf(slot)).not.toBe(slots.textOf(OTHER));
  });
});

describe("tenantLabel", () => {
  it("gives different tenants different labels that UTF-8 can carry", () => {
    const id = fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.string({
        unit: fc.constantFrom("~", "u", "d", "8", "0", "\ud800", "\udc00", "other"),
        minLength: 1,
        maxLength: 6,
      }),
    );
    fc.assert(
      fc.property(id, id, (a, b) => {
        const [labelA, labelB] = [tenantLabel(a), tenantLabel(b)];
        return Buffer.from(labelA).toString() === labelA && (labelA === labelB) === (a === b) && labelA !== "other";
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("leaves usual ids as they are", () => {
    for (const id of ["acme", "a:b", "__proto__", "\u00dcn\u00efcode", "\u{1f4a1}", "others"])
      expect(tenantLabel(id)).toBe(id);
  });
});
