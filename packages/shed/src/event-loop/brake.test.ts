import { describe, expect, it } from "vitest";
import { LoopBrake } from "./brake.js";
import { LoopMeter, TURN_MS } from "./loop-meter.js";

/** A brake whose event loop is late by as much as the test says. */
function brakeWith(delay: { ms: number }) {
  const changes: boolean[] = [];
  const brake = new LoopBrake(
    {
      targetMs: 100,
      delay: {
        note: () => undefined,
        read: () => ({ delayMs: delay.ms, lateForMs: delay.ms > 100 ? 500 : 0 }),
        close: () => undefined,
      },
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

describe("LoopBrake and a single pause", () => {
  /** A brake over a loop that the test turns. `at` moves the time. */
  function brakeOver() {
    let nowMs = 0;
    let turnedMs = 0;
    const meter = new LoopMeter(100, 0);
    const delay = { note: () => undefined, read: (at: number) => meter.read(at), close: () => undefined };
    const brake = new LoopBrake({ targetMs: 100, delay, onChange: () => undefined }, 0);
    const refused = { count: 0 };
    const ask = (): void => {
      if (!brake.passes("a", { cost: 1, weight: 1, nowMs })) refused.count++;
    };
    return {
      brake,
      refused,
      /** Requests that take a turn of their own each, on an event loop that is on time. */
      calm(ms: number) {
        for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 10) {
          if (nowMs - turnedMs >= TURN_MS) meter.turn((turnedMs = nowMs));
          ask();
        }
      },
      /** A loop that is on time, without requests. */
      idle(ms: number) {
        for (const endMs = nowMs + ms; nowMs < endMs; nowMs += TURN_MS) {
          meter.turn((turnedMs = nowMs));
          brake.update(nowMs);
        }
      },
      /** One turn of the loop: first a pause, then requests that keep it busy for `eachMs` each. */
      turn({ pauseMs = 0, requests = 0, eachMs = 0 }) {
        nowMs += pauseMs;
        for (let i = 0; i < requests; i++) {
          ask();
          nowMs += eachMs;
        }
        meter.turn((turnedMs = nowMs));
      },
    };
  }

  it("refuses nothing after a pause of 200 ms, nor among the requests that came meanwhile", () => {
    const { brake, refused, calm, turn } = brakeOver();
    for (let time = 0; time < 20; time++) {
      calm(500);
      turn({ pauseMs: 200, requests: 20, eachMs: 6 });
    }
    calm(500);
    expect(brake.isBraking).toBe(false);
    expect(refused.count).toBe(0);
  });

  it("refuses when every turn is long, also within one turn", () => {
    const turns = brakeOver();
    turns.calm(500);
    for (let i = 0; i < 6; i++) turns.turn({ requests: 8, eachMs: 30 });
    expect(turns.brake.isBraking).toBe(true);
    const one = brakeOver();
    one.calm(500);
    one.turn({ requests: 30, eachMs: 30 });
    expect(one.brake.isBraking).toBe(true);
    expect(one.refused.count).toBeGreaterThan(0);
  });

  it("lets go without requests", () => {
    const { brake, calm, idle, turn } = brakeOver();
    calm(200);
    for (let i = 0; i < 6; i++) turn({ requests: 8, eachMs: 30 });
    expect(brake.isBraking).toBe(true);
    idle(300);
    expect(brake.isBraking).toBe(false);
    expect(brake.delayMs).toBeLessThan(20);
  });
});
