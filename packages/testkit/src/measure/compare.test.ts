import { afterEach, describe, expect, it, vi } from "vitest";
import { compare, compareAll, order } from "./compare.js";
import { percentiles } from "./rounds.js";

/** A clock that only the variants move, so that figures are exact on a busy machine. */
function virtualTime(): { spend: (ms: number) => void } {
  let now = 0;
  let cpuMicros = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.spyOn(process, "cpuUsage").mockImplementation((since) => ({ user: cpuMicros - (since?.user ?? 0), system: 0 }));
  const spend = (ms: number): void => {
    now += ms;
    cpuMicros += ms * 500; // Half of the time.
  };
  return { spend };
}

const pause = (ms: number) => () => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => {
  vi.restoreAllMocks();
});

describe("compare", () => {
  it("returns how many times longer the second takes, and the figures of each", async () => {
    const { spend } = virtualTime();
    let call = 0;
    const b = (): void => spend(++call % 50 === 0 ? 9 : 0.4);
    const { ratio, spread, ...sides } = await compare(() => spend(0.1), b, { rounds: 9, iterations: 50 });
    expect(ratio).toBeCloseTo((49 * 0.4 + 9) / (50 * 0.1), 6);
    expect(spread[0]).toBeCloseTo(ratio, 6);
    expect(spread[1]).toBeCloseTo(ratio, 6);
    expect(sides.a.opsPerSecond).toBeCloseTo(10_000, 3);
    expect(sides.a.cpuMicrosPerOp).toBeCloseTo(50, 6);
    expect(sides.a.p99Ms).toBeCloseTo(0.1, 6);
    expect(sides.b.p50Ms).toBeCloseTo(0.4, 6);
    expect(sides.b.p99Ms).toBeCloseTo(9, 6);
    expect(sides.b.cpuMicrosPerOp).toBeCloseTo(286, 6);
  });

  it("is not misled by a machine that slows down and recovers", async () => {
    const { spend } = virtualTime();
    let calls = 0;
    const slowness = (): number => (Math.floor(++calls / 40) % 3 === 0 ? 10 : 1);
    const { ratio } = await compare(
      () => spend(0.1 * slowness()),
      () => spend(0.2 * slowness()),
      { rounds: 41, iterations: 10 },
    );
    expect(ratio).toBeCloseTo(2, 1);
  });

  it("times a variant of nanoseconds in batches, and gives about one for it against itself", async () => {
    const map = new Map([["a", 1]]);
    const { ratio, a } = await compare(
      () => map.get("a"),
      () => map.get("a"),
      { durationMs: 5 },
    );
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
    expect(a.p50Ms).toBeLessThan(0.001);
  });

  it("runs each variant for the asked time", async () => {
    const { spend } = virtualTime();
    let calls = 0;
    const counted = (): void => {
      calls++;
      spend(0.5);
    };
    await compare(counted, () => spend(1), { rounds: 4, durationMs: 20, warmup: 0 });
    expect(calls).toBe(4 * 40 + 3); // And one to see what it is, and one for each of two calibrations.
  });

  it("awaits a variant that returns a promise", async () => {
    const { spend } = virtualTime();
    const later = (ms: number) => async (): Promise<void> => {
      await pause(0)();
      spend(ms);
    };
    const { a, ratio } = await compare(later(2), later(6), { rounds: 3, iterations: 4, warmup: 0 });
    expect(a.p50Ms).toBeCloseTo(2, 6);
    expect(ratio).toBeCloseTo(3, 6);
  });

  it("keeps the asked number of calls in flight and runs as many as it is told", async () => {
    let inFlight = 0;
    let most = 0;
    let calls = 0;
    const call = async (): Promise<void> => {
      calls++;
      most = Math.max(most, ++inFlight);
      await pause(1)();
      inFlight--;
    };
    const { a } = await compare(call, pause(1), { rounds: 2, iterations: 20, warmup: 1, concurrency: 8 });
    expect(most).toBe(8);
    expect(calls).toBe(61); // One to see what it is, and twenty in each of three rounds.
    expect(a.p50Ms).toBeGreaterThanOrEqual(0.9);
  });

  it("rejects with the error of a variant, after its other calls have settled", async () => {
    let open = 0;
    let calls = 0;
    const fails = async (): Promise<void> => {
      open++;
      await pause(calls % 3)();
      open--;
      if (++calls === 5) throw new Error("broken");
    };
    await expect(compare(pause(0), fails, { iterations: 10, concurrency: 3 })).rejects.toThrow("broken");
    expect(open).toBe(0);
  });
});

describe("compareAll", () => {
  it("takes ratios to the first, or to the baseline that is named", async () => {
    const { spend } = virtualTime();
    const variants = { fast: () => spend(0.1), slow: () => spend(0.2), slower: () => spend(0.4) };
    const plan = { rounds: 5, iterations: 10 };
    const first = await compareAll(variants, plan);
    expect([first.fast.ratio, first.slow.ratio, first.slower.ratio].map((r) => r.toFixed(3))).toEqual([
      "1.000",
      "2.000",
      "4.000",
    ]);
    const named = await compareAll(variants, { ...plan, baseline: "slow" });
    expect([named.fast.ratio, named.slow.ratio, named.slower.ratio].map((r) => r.toFixed(3))).toEqual([
      "0.500",
      "1.000",
      "2.000",
    ]);
  });
});

describe("order", () => {
  it("alternates two", () => {
    expect([0, 1, 2, 3].map((round) => order(2, round))).toEqual([
      [0, 1],
      [1, 0],
      [1, 0],
      [0, 1],
    ]);
  });

  it("puts each of many first as often as any other, and before its neighbour as often as after", () => {
    const rounds = Array.from({ length: 8 }, (_, round) => order(4, round));
    for (const at of [0, 1, 2, 3]) expect(rounds.filter(([first]) => first === at)).toHaveLength(2);
    const before = rounds.filter((each) => each.indexOf(0) < each.indexOf(1));
    expect(before).toHaveLength(4);
  });
});

describe("percentiles", () => {
  it("takes the nearest rank", () => {
    const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentiles(hundred, [0.1, 0.5, 0.99, 1])).toEqual([10, 50, 99, 100]);
    expect(percentiles([7], [0.1, 0.9])).toEqual([7, 7]);
    expect(percentiles([], [0.5])).toEqual([Number.NaN]);
  });
});
