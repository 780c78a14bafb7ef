import { describe, expect, it } from "vitest";
import { LoopBrake } from "./brake.js";

/** A brake whose event loop is late by as much as the test says. */
function brakeWith(delay: { ms: number }) {
  const changes: boolean[] = [];
  const brake = new LoopBrake(
    {
      targetMs: 100,
      delay: { read: () => delay.ms, close: () => undefined },
      onChange: (isBraking) => changes.push(isBraking),
    },
    0,
  );
  return { brake, changes };
}

/** Sends requests evenly over a round, and returns how many of each tenant passed. */
function round(brake: LoopBrake, at: number, asked: Readonly<Record<string, number>>, weight = 1) {
  const passed: Record<string, number> = {};
  for (const [tenantId, count] of Object.entries(asked)) {
    passed[tenantId] = 0;
    for (let i = 0; i < count; i++) {
      const nowMs = at * 100 + 1;
      if (brake.passes(tenantId, { cost: 1, weight, nowMs })) passed[tenantId] += 1;
    }
  }
  return passed;
}

describe("LoopBrake", () => {
  it("lets everything pass while the event loop is on time", () => {
    const { brake, changes } = brakeWith({ ms: 20 });
    for (let at = 1; at < 10; at++) expect(round(brake, at, { a: 50, b: 5 })).toEqual({ a: 50, b: 5 });
    expect(changes).toEqual([]);
  });

  it("takes the excess from the tenant above its share, and leaves the others alone", () => {
    const delay = { ms: 20 };
    const { brake, changes } = brakeWith(delay);
    round(brake, 1, { hog: 90, quiet: 4, other: 6 });
    delay.ms = 300;
    let last: Record<string, number> = {};
    for (let at = 2; at < 12; at++) last = round(brake, at, { hog: 90, quiet: 4, other: 6 });
    expect(last).toMatchObject({ quiet: 4, other: 6 });
    expect(last["hog"]).toBeLessThan(50);
    expect(last["hog"]).toBeGreaterThan(5);
    expect(changes).toEqual([true]);
  });

  it("never stops, also when every tenant has less than one request of a round", () => {
    const delay = { ms: 20 };
    const { brake } = brakeWith(delay);
    const asked = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`t${i}`, 1]));
    round(brake, 1, asked);
    delay.ms = 300;
    let passed = 0;
    const served = new Set<string>();
    for (let at = 2; at < 22; at++) {
      for (const [tenantId, count] of Object.entries(round(brake, at, asked))) {
        if (count === 0) continue;
        served.add(tenantId);
        if (at > 12) passed += count;
      }
    }
    // After ten rounds of a late event loop, a third of the rate at most.
    expect(passed).toBeLessThan((200 * 9) / 3 + 200);
    expect(served.size).toBe(200);
  });

  it("lets go once the event loop is on time and the demand is below the rate", () => {
    const delay = { ms: 20 };
    const { brake, changes } = brakeWith(delay);
    round(brake, 1, { a: 100 });
    delay.ms = 300;
    for (let at = 2; at < 6; at++) round(brake, at, { a: 100 });
    delay.ms = 10;
    for (let at = 6; at < 9; at++) round(brake, at, { a: 20 });
    expect(brake.isBraking).toBe(false);
    expect(changes).toEqual([true, false]);
    expect(round(brake, 9, { a: 500 })).toEqual({ a: 500 });
  });
});
