import { type ProcessPool, startProcessPool } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sizedValues } from "../../scenarios/sized-values.js";
import { valueBytes } from "./value-size.js";

const bytesOf = (value: unknown): number => valueBytes(value, JSON.stringify(value)?.length ?? 0);

describe("valueBytes, beside the memory of a process", () => {
  let pool: ProcessPool<{ readonly counted: number; readonly used: number; readonly entries: number }>;
  beforeAll(async () => {
    const script = new URL("../../scenarios/value-size.worker.ts", import.meta.url);
    pool = await startProcessPool({ size: 1, script, args: {}, parse: (reply: unknown) => reply as never });
  });
  afterAll(() => pool.close());

  it.each(Object.keys(sizedValues))("is right within a factor of two for %s", async (kind) => {
    const [measured] = await pool.all(kind);
    const ratio = (measured?.counted ?? 0) / (measured?.used ?? 1);
    expect(ratio, `${kind}: ${JSON.stringify(measured)}`).toBeGreaterThan(0.5);
    expect(ratio, `${kind}: ${JSON.stringify(measured)}`).toBeLessThan(2);
  });
});

describe("valueBytes", () => {
  it("is 0 for what fits into a reference, and grows with other values", () => {
    expect([true, null, undefined].map((value) => valueBytes(value, 0))).toEqual([0, 0, 0]);
    expect(valueBytes(0.5, 0)).toBeGreaterThan(0);
    expect(valueBytes(2n ** 800n, 0)).toBeGreaterThan(100);
  });

  it("counts a large part among many small ones at least by its characters", () => {
    const values: unknown[] = Array.from({ length: 1000 }, () => 1);
    values[501] = "x".repeat(1_000_000);
    expect(bytesOf(values)).toBeGreaterThan(500_000);
  });

  it("takes no longer for a long list, a deep value and a cycle, and counts them as large", () => {
    let looked = 0;
    const watched = new Proxy(Array.from({ length: 100_000 }), {
      get: (target, name) => {
        looked++;
        return name === "length" ? target.length : {};
      },
    });
    expect(valueBytes(watched, 0)).toBeGreaterThan(100_000 * 56);
    expect(looked).toBeLessThan(200);
    let nested: unknown = 1;
    for (let i = 0; i < 3000; i++) nested = [nested];
    expect(bytesOf(nested)).toBeGreaterThan(3000 * 56);
    const cycle: unknown[] = [];
    cycle.push(cycle, cycle);
    expect(valueBytes(cycle, 100)).toBe(2800);
  });

  it("counts a value of which a property throws by its characters", () => {
    const value = {
      get total(): number {
        throw new Error("not loaded");
      },
    };
    expect(valueBytes(value, 100)).toBe(2800);
  });
});
