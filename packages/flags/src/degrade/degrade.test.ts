import { channel } from "node:diagnostics_channel";
import { createManualClock } from "@scale/core/testing";
import { defineEvent } from "@scale/core/kit";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { flagsWith } from "../../test/flags-with.js";
import {
  bool,
  createFlags,
  defineFlags,
  degradeChange,
  eventLoopUtilization,
  int,
  shareOfEvents,
  signalFail,
} from "../index.js";
import { createBinding } from "./binding.js";

const definitions = defineFlags({ recommendations: bool({ default: true }), pageSize: int({ default: 50 }) });

/** A signal that the test sets. */
function lamp(): {
  read(): boolean | number;
  set(level: boolean | number): void;
  subscribe(on: () => void): () => void;
} {
  let level: boolean | number = false;
  const listeners = new Set<() => void>();
  return {
    read: () => level,
    set(next) {
      level = next;
      for (const each of listeners) each();
    },
    subscribe(on) {
      listeners.add(on);
      return () => listeners.delete(on);
    },
  };
}

describe("a binding", () => {
  const bind = (options = {}) =>
    createBinding("recommendations", definitions.recommendations, {
      ...{ when: () => 0, enterAt: 0.9, exitAt: 0.5, minDwell: "10s", ...options },
    });

  it("degrades at the upper level and recovers at the lower one, so that a level between changes nothing", () => {
    const binding = bind();
    const at = (level: number, now: number): boolean => {
      binding.update(level, now);
      return binding.verdict !== undefined;
    };
    expect([at(0.89, 0), at(0.9, 1), at(0.6, 20_000), at(0.51, 30_000), at(0.5, 30_001), at(0.89, 30_002)]).toEqual([
      ...[false, true, true, true, false, false],
    ]);
    expect(bind().verdict).toBeUndefined();
  });

  it("stays degraded for the minimum dwell, however fast the signal recovers", () => {
    const binding = bind();
    binding.update(1, 1000);
    binding.update(0, 10_999);
    expect(binding.verdict).toMatchObject({ value: false, reason: "DEGRADED" });
    binding.update(0, 11_000);
    expect(binding.verdict).toBeUndefined();
  });

  it("changes at most once in a dwell, however the signal flaps", () => {
    let changes = 0;
    const end = degradeChange.subscribe(() => void changes++);
    const binding = bind({ minDwell: "1s" });
    for (let ms = 0; ms < 10_000; ms += 10) binding.update(ms % 20 === 0 ? 1 : 0, ms);
    end();
    expect(changes).toBeLessThanOrEqual(20);
    expect(changes).toBeGreaterThan(10);
  });

  it.each([
    ["exitAt", { exitAt: 0.9 }],
    ["minDwell", { minDwell: 0 }],
    ["enterAt", { enterAt: 0 }],
    ["when", { when: true }],
    ["to", { to: "off" }],
  ])("names the wrong option %s", (name, options) => {
    expect(() => bind(options)).toThrow(new RegExp(`recommendations.*${name}`));
  });
});

describe("a flag that is bound to a signal", () => {
  it("has the other value at once when the signal reports trouble, whatever its rules and overrides say", async () => {
    const clock = createManualClock();
    const open = lamp();
    const levels: unknown[] = [];
    const end = degradeChange.subscribe(({ flag, isDegraded, level }) => void levels.push([flag, isDegraded, level]));
    const flags = await flagsWith(
      definitions,
      { pageSize: { rules: [{ value: 100 }] } },
      { clock, degrade: { pageSize: { when: open, to: 10, minDwell: "30s" } } },
    );
    expect(flags.get("pageSize")).toBe(100);
    open.set(true);
    expect(flags.explain("pageSize")).toMatchObject({ value: 10, reason: "DEGRADED" });
    expect(flags.override({ pageSize: 7 }, () => flags.get("pageSize"))).toBe(10);
    await flags.set("pageSize", { rules: [{ value: 90 }] }, { by: "test" });
    expect(flags.get("pageSize")).toBe(10);
    clock.advance(30_000);
    open.set(false);
    expect(flags.get("pageSize")).toBe(90);
    end();
    expect(levels).toEqual([
      ["pageSize", true, 1],
      ["pageSize", false, 0],
    ]);
    await flags.close();
    open.set(true);
    expect(flags.get("pageSize")).toBe(90);
  });

  it("loses to the kill switch", async () => {
    const open = lamp();
    const flags = await flagsWith(
      definitions,
      { recommendations: { killed: true } },
      { degrade: { recommendations: { when: open, to: true } } },
    );
    open.set(true);
    expect(flags.explain("recommendations")).toMatchObject({ value: false, reason: "KILLED" });
    await flags.close();
  });

  it("is sampled when the signal is a function, once for all flags that share it", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    let reads = 0;
    let isOpen = false;
    const when = (): boolean => (reads++, isOpen);
    const flags = createFlags({
      flags: definitions,
      degrade: { recommendations: { when }, pageSize: { when, to: 1 } },
    });
    expect(reads).toBe(1);
    isOpen = true;
    vi.advanceTimersByTime(250);
    expect([flags.get("recommendations"), flags.get("pageSize")]).toEqual([false, 1]);
    await flags.close();
    vi.advanceTimersByTime(10_000);
    expect(reads).toBe(2);
  });

  it.each([
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["returns a promise", async () => true],
    ["returns a string", () => "open"],
    ["returns NaN", () => Number.NaN],
  ])("keeps its state when the signal %s, and reports it", async (_name, broken) => {
    const open = lamp();
    const failures: unknown[] = [];
    const end = signalFail.subscribe(({ flag }) => void failures.push(flag));
    const flags = await flagsWith(definitions, {}, { degrade: { recommendations: { when: open } } });
    open.set(true);
    const good = open.read;
    open.read = broken as typeof open.read;
    open.set(false);
    expect(flags.get("recommendations")).toBe(false);
    expect(failures).toEqual(["recommendations"]);
    open.read = good;
    end();
    await flags.close();
  });

  it("must be defined", () => {
    const degrade = { nope: { when: () => true } };
    expect(() => createFlags({ flags: definitions, degrade: degrade as object })).toThrow(/degrade.*nope/);
  });
});

describe("signals", () => {
  it("read the utilization of the event loop since the last reading", async () => {
    const signal = eventLoopUtilization();
    const read = typeof signal === "function" ? signal : signal.read;
    const until = performance.now() + 50;
    while (performance.now() < until);
    expect(read()).toBeGreaterThan(0.5);
    // An idle loop: the test waits for timers only. On a busy machine one sample may look busy.
    await expect.poll(read).toBeLessThan(0.5);
  });

  it("read the share of events that count, once there are enough of them", () => {
    const decided = defineEvent<{ allowed: boolean }>("scale:flags-test:request-decide");
    const signal = shareOfEvents(decided, ({ allowed }) => !allowed, { minEvents: 4 });
    const read = (): unknown => (typeof signal === "function" ? signal() : undefined);
    const send = (allowed: boolean): void => decided.publish(() => ({ allowed }));
    send(false);
    send(false);
    expect(read()).toBe(0);
    send(true);
    send(false);
    expect(read()).toBe(0.75);
    expect(read()).toBe(0);
    signal.close();
    expect(channel(decided.name).hasSubscribers).toBe(false);
  });
});
