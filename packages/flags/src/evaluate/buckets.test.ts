import { describe, expect, it } from "vitest";
import { bucketOf, saltPrefix, variantIndex, variantPrefix } from "./buckets.js";

const TENANTS = 100_000;
const tenants = Array.from({ length: TENANTS }, (_, i) => `tenant-${i}`);

describe("buckets", () => {
  // Published vectors of the Unleash clients: normalizedValue("123", "gr1") and ("999", "groupX").
  it.each([
    ["gr1", "123", 73],
    ["groupX", "999", 25],
  ])("puts %s:%s where Unleash does", (salt, key, unleash) => {
    expect(Math.floor(bucketOf(saltPrefix(salt), key) / 1000) + 1).toBe(unleash);
  });

  it("gives 10 % of 100,000 tenants 9.8 to 10.2 %, for every flag other tenants", () => {
    const inShare = ["checkout", "search", "export"].map((flag) => {
      const salt = saltPrefix(flag);
      return new Set(tenants.filter((tenant) => bucketOf(salt, tenant) < 10_000));
    });
    for (const { size } of inShare) {
      expect(size).toBeGreaterThanOrEqual(9800);
      expect(size).toBeLessThanOrEqual(10_200);
    }
    const [a = new Set(), b = new Set()] = inShare;
    // Two independent tenths share a hundredth of the tenants.
    const both = [...a].filter((tenant) => b.has(tenant)).length;
    expect(both).toBeGreaterThan(800);
    expect(both).toBeLessThan(1200);
  });

  it("uses every step of 0.001 %: each bucket lies below 100,000 and none is preferred", () => {
    const salt = saltPrefix("steps");
    const counts = new Uint32Array(100);
    let highest = 0;
    for (const tenant of tenants) {
      const bucket = bucketOf(salt, tenant);
      highest = Math.max(highest, bucket);
      const step = bucket % 100;
      counts[step] = (counts[step] ?? 0) + 1;
    }
    expect(highest).toBeLessThan(100_000);
    // 1,000 each, plus or minus five standard deviations.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(160);
  });

  const picker = (weights: Readonly<Record<string, number>>): ((key: string) => string | undefined) => {
    const names = Object.keys(weights);
    const variants = names.map((name) => ({ prefix: variantPrefix("color", name), weight: weights[name] ?? 0 }));
    return (key) => names[variantIndex(variants, key)];
  };

  it("gives three weights their shares of 100,000 tenants within 0.3 points", () => {
    const weights = { red: 50, green: 30, blue: 20 };
    const pick = picker(weights);
    const counts = new Map<string, number>();
    for (const tenant of tenants) {
      const name = pick(tenant) ?? "";
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    for (const [name, weight] of Object.entries(weights)) {
      expect(Math.abs(((counts.get(name) ?? 0) / TENANTS) * 100 - weight)).toBeLessThanOrEqual(0.3);
    }
  });

  it("moves tenants only to a variant that is added, and only back from one that is removed", () => {
    const some = tenants.slice(0, 20_000);
    const two = picker({ red: 1, green: 1 });
    const three = picker({ red: 1, green: 1, blue: 1 });
    let moved = 0;
    const elsewhere: string[] = [];
    for (const tenant of some) {
      const before = two(tenant);
      const after = three(tenant);
      if (after === before) continue;
      moved++;
      if (after !== "blue") elsewhere.push(`${tenant} from ${before} to ${after}`);
    }
    expect(elsewhere).toEqual([]);
    expect(Math.abs(moved / some.length - 1 / 3)).toBeLessThan(0.015);
  });
});
