import { describe, expect, it } from "vitest";
import { sizeOf } from "../../test/size-of.js";

describe("sizeOf", () => {
  it("is 0 for values that fit into a word, and grows with others", () => {
    expect([0, -1, true, null, undefined].map(sizeOf)).toEqual([0, 0, 0, 0, 0]);
    expect(sizeOf(0.5)).toBeGreaterThan(0);
    expect(sizeOf(2 ** 40)).toBeGreaterThan(0);
    expect(sizeOf(2n ** 800n)).toBeGreaterThan(100);
  });

  it("counts two bytes per character of a string with wide characters", () => {
    expect(sizeOf("a".repeat(1000))).toBeLessThan(1100);
    expect(sizeOf(`${"a".repeat(999)}\u{1f600}`)).toBeGreaterThan(2000);
  });

  it("counts the parts of arrays, objects, maps, sets, dates and buffers", () => {
    const text = "a".repeat(1000);
    for (const value of [
      [text],
      { text },
      new Map([[text, 1]]),
      new Map([[1, text]]),
      new Set([text]),
      [[{ a: [text] }]],
    ]) {
      expect(sizeOf(value)).toBeGreaterThan(1000);
      expect(sizeOf(value)).toBeLessThan(1400);
    }
    expect(sizeOf(new Date(0))).toBeGreaterThan(50);
    expect(sizeOf(Buffer.alloc(5000))).toBeGreaterThan(5000);
    expect(sizeOf(new ArrayBuffer(5000))).toBeGreaterThan(5000);
  });

  it("counts the reserved properties of an empty object", () => {
    expect(sizeOf(JSON.parse(`[${"{},".repeat(99)}{}]`))).toBeGreaterThan(6000);
  });

  it("counts own properties only, whatever their names", () => {
    const parsed: unknown = JSON.parse('{"__proto__": "aaaaaaaaaaaaaaaa"}');
    expect(sizeOf(parsed)).toBe(sizeOf({ other: "aaaaaaaaaaaaaaaa" }));
    expect(sizeOf(Object.create({ inherited: "a".repeat(1000) }))).toBeLessThan(100);
  });

  it("is infinite for a cycle and for a value with too many parts", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(sizeOf(cycle)).toBe(Infinity);
    expect(sizeOf(Array.from({ length: 200_001 }, () => 0))).toBe(Infinity);
  });

  it("does not overflow the stack on a deeply nested value", () => {
    let nested: unknown = 1;
    for (let i = 0; i < 100_000; i++) nested = [nested];
    expect(sizeOf(nested)).toBeGreaterThan(100_000);
  });
});
