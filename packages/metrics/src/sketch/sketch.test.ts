import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { bucketOf, middleOf, upperBound } from "./grid.js";
import { quantileOf } from "./quantile.js";
import { cellOf, CELLS, SketchRows, sketchRange } from "./rows.js";

const SEED = 20261130;

describe("bucketOf", () => {
  it("finds the first bound at or above every value, on the bounds and on both sides of each", () => {
    const buffer = new DataView(new ArrayBuffer(8));
    const next = (value: number, by: bigint): number => {
      buffer.setFloat64(0, value);
      buffer.setBigUint64(0, buffer.getBigUint64(0) + by);
      return buffer.getFloat64(0);
    };
    for (let bucket = -400; bucket <= 400; bucket++) {
      const bound = upperBound(bucket);
      expect(bucketOf(bound)).toBe(bucket);
      expect(bucketOf(next(bound, 1n))).toBe(bucket + 1);
      expect(bucketOf(next(bound, -1n))).toBe(bucket);
    }
  });

  it("agrees with the definition of the grid for random values", () => {
    const random = seededRandom(SEED);
    const wrong: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const value = 2 ** (random() * 200 - 100);
      const bucket = bucketOf(value);
      const isIn = value <= upperBound(bucket) && value > upperBound(bucket - 1);
      if (!isIn || Math.abs(middleOf(bucket) - value) / value > 0.044) wrong.push(value);
    }
    expect(wrong).toEqual([]);
  });
});

describe("SketchRows", () => {
  const range = sketchRange(2 ** -15);
  const observe = (rows: SketchRows, row: number, value: number): void =>
    rows.observe(row, cellOf(value, range), value);

  it("estimates quantiles of eight distributions within 4.4 %", () => {
    const random = seededRandom(SEED);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const distributions: Record<string, () => number> = {
      uniform: () => 0.001 + random(),
      exponential: () => 0.0001 - Math.log(1 - random()) / 20,
      lognormal: () => Math.exp(normal() - 3),
      "wide lognormal": () => Math.min(200, Math.exp(2 * normal() - 4) + 0.0001),
      pareto: () => Math.min(200, 0.005 / (1 - random()) ** (1 / 1.5)),
      bimodal: () => (random() < 0.9 ? 0.01 : 1) * (1 + 0.1 * random()),
      constant: () => 0.0123,
      "two values": () => (random() < 0.94 ? 0.01 : 5),
    };
    for (const [name, next] of Object.entries(distributions)) {
      const rows = new SketchRows();
      const row = rows.allocate();
      const values = Array.from({ length: 10_000 }, next);
      for (const value of values) observe(rows, row, value);
      values.sort((a, b) => a - b);
      for (const q of [0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
        const exact = values[Math.max(1, Math.ceil(q * values.length)) - 1]!;
        const error = Math.abs(quantileOf(rows.totals(row), q, range)! - exact) / exact;
        expect(error, `${name} ${q}`).toBeLessThanOrEqual(0.044);
      }
    }
  });

  it("merges to the same sketch as if one had seen all values, in any order", () => {
    const random = seededRandom(SEED);
    const rows = new SketchRows();
    const [a, b, both] = [rows.allocate(), rows.allocate(), rows.allocate()];
    for (let i = 0; i < 5000; i++) {
      const value = random() ** 4;
      observe(rows, random() < 0.3 ? a : b, value);
      observe(rows, both, value);
    }
    rows.merge(a, b);
    expect(rows.totals(a)).toEqual(rows.totals(both));
    expect(rows.sum(a)).toBeCloseTo(rows.sum(both), 9);
  });

  it("counts past 2^32 in one bucket without going back", () => {
    const rows = new SketchRows();
    const row = rows.allocate();
    rows.add(row, 5, 2 ** 32 - 1);
    observe(rows, row, 0.0001);
    rows.add(row, 5, 3);
    expect(rows.count(row, 5)).toBe(2 ** 32 + 2);
    for (let i = 0; i < 3; i++) rows.observe(row, 5, 0);
    expect(rows.count(row, 5)).toBe(2 ** 32 + 5);
    const other = rows.allocate();
    rows.merge(other, row);
    expect(rows.count(other, 5)).toBe(2 ** 32 + 5);
    rows.release(row);
    expect(rows.allocate()).toBe(row);
    expect(rows.count(row, 5)).toBe(0);
  });

  it("keeps values below and above the range in its first and last cell", () => {
    expect(cellOf(0, range)).toBe(0);
    expect(cellOf(2 ** -15, range)).toBe(0);
    expect(cellOf(2 ** -14.99, range)).toBe(1);
    expect(cellOf(1e9, range)).toBe(CELLS - 1);
    expect(cellOf(Number.MAX_VALUE, range)).toBe(CELLS - 1);
    expect(cellOf(Number.MIN_VALUE, range)).toBe(0);
  });

  it("forgets recent counts by half with each window, and keeps their shape when a cell is full", () => {
    const rows = new SketchRows();
    const row = rows.allocate();
    for (let i = 0; i < 64; i++) observe(rows, row, 0.01);
    rows.turn(2);
    observe(rows, row, 1);
    const recent = rows.recent(row);
    expect(recent[cellOf(0.01, range)]).toBe(16);
    expect(recent[cellOf(1, range)]).toBe(1);
    rows.turn(40);
    expect(rows.recent(row).every((count) => count === 0)).toBe(true);
    rows.add(row, 3, 60_000);
    rows.add(row, 4, 30_000);
    for (let i = 0; i < 10_000; i++) rows.observe(row, 3, 0);
    const [low = 0, high = 0] = rows.recent(row).subarray(3, 5);
    expect(low / high).toBeCloseTo(70 / 30, 0);
    expect(rows.count(row, 3)).toBe(70_000);
  });
});
