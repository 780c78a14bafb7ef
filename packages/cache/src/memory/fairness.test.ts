import { ConfigError } from "@scale/core";
import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "./create-memory.js";
import type { Memory } from "./memory.js";
import type { Entry } from "./types.js";

fc.configureGlobal({ seed: 20_261_120, numRuns: 60 });

const MAX_BYTES = 1_000_000;
const entry: Entry = { value: 1, bytes: 1000, freshUntil: Infinity, usableUntil: Infinity, meta: undefined };

function write(memory: Memory, tenantId: string, keys: readonly string[]): void {
  const partition = memory.tenant(tenantId);
  for (const key of keys) partition.set("invoice", key, entry);
}

const keysOf = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `key:${from + i}`);
const kept = (memory: Memory, tenantId: string, keys: readonly string[]): number =>
  keys.filter((key) => memory.tenant(tenantId).get("invoice", key) !== undefined).length;
const bytesOf = (memory: Memory, tenantId: string): number => memory.usage(tenantId)?.bytes ?? 0;

describe("createMemory, between tenants", () => {
  it("lets a tenant borrow unused memory, and takes it back when other tenants need it", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    write(memory, "first", keysOf(2000));
    expect(bytesOf(memory, "first")).toBeGreaterThan(0.99 * MAX_BYTES);
    for (let from = 0; from < 2000; from += 20) {
      write(memory, "second", keysOf(20, from));
      write(memory, "first", keysOf(20, 2000 + from));
    }
    expect(bytesOf(memory, "second") / MAX_BYTES).toBeCloseTo(0.5, 2);
    expect(bytesOf(memory, "first") / MAX_BYTES).toBeCloseTo(0.5, 2);
  });

  it("evicts nothing of an active tenant within its share", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    const own = keysOf(300);
    write(memory, "quiet", own);
    for (let from = 0; from < 20_000; from += 80) {
      write(memory, "noisy", keysOf(80, from));
      memory.tenant("quiet").get("invoice", own[0]!);
    }
    expect(kept(memory, "quiet", own)).toBe(300);
  });

  it("shares by weight among tenants that want more than there is", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(weights, (weights) => {
        const budgets = (tenantId: string) => ({ weight: weights[Number(tenantId)] ?? 1 });
        const memory = createMemory({ maxBytes: MAX_BYTES, budgets });
        for (let round = 0; round < 1000; round++) {
          weights.forEach((_, tenant) => write(memory, String(tenant), [`key:${round}`]));
        }
        weights.forEach((_, tenant) => {
          const { bytes, shareBytes } = memory.usage(String(tenant))!;
          // One entry more or less per tenant.
          expect(Math.abs(bytes - shareBytes)).toBeLessThan(1500 * weights.length);
        });
      }),
    );
  });

  it("divides the unused share of a small tenant equally", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    const small = keysOf(50);
    write(memory, "small", small);
    for (let from = 0; from < 2000; from += 10) {
      write(memory, "a", keysOf(10, from));
      write(memory, "b", keysOf(10, from));
      memory.tenant("small").get("invoice", small[0]!);
    }
    expect(kept(memory, "small", small)).toBe(50);
    expect(bytesOf(memory, "a") / bytesOf(memory, "b")).toBeCloseTo(1, 1);
    expect(bytesOf(memory, "a")).toBeGreaterThan(0.45 * MAX_BYTES);
  });

  it("gives the memory of an inactive tenant to active ones", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES });
    write(memory, "gone", keysOf(400));
    write(memory, "busy", keysOf(20_000));
    expect(memory.usage("gone")).toBeUndefined();
  });

  it("keeps a tenant within maxBytes of its budget although there is room", () => {
    const memory = createMemory({ maxBytes: MAX_BYTES, budgets: () => ({ maxBytes: 100_000 }) });
    write(memory, "acme", keysOf(500));
    expect(bytesOf(memory, "acme")).toBeLessThanOrEqual(100_000);
    expect(bytesOf(memory, "acme")).toBeGreaterThan(95_000);
    expect(memory.stats().evictions).toMatchObject({ share: 0, expired: 0 });
    expect(memory.stats().evictions.budget).toBeGreaterThan(400);
  });

  it("asks for a budget again after a minute, when the tenant writes", () => {
    const clock = createManualClock();
    let maxBytes = 100_000;
    let asked = 0;
    const budgets = () => {
      asked++;
      return { maxBytes };
    };
    const memory = createMemory({ maxBytes: MAX_BYTES, budgets, clock });
    write(memory, "acme", keysOf(500));
    expect(asked).toBe(1);
    maxBytes = 50_000;
    clock.advance(59_999);
    write(memory, "acme", ["one"]);
    expect(bytesOf(memory, "acme")).toBeGreaterThan(95_000);
    clock.advance(1);
    write(memory, "acme", ["two"]);
    expect(bytesOf(memory, "acme")).toBeLessThanOrEqual(50_000);
  });

  it.each([{ weight: 0 }, { weight: Number.NaN }, { weight: Infinity }, { maxBytes: 0 }])(
    "refuses the budget %o with the name of the tenant",
    (budget) => {
      const memory = createMemory({ maxBytes: MAX_BYTES, budgets: () => budget });
      expect(() => write(memory, "acme", ["key"])).toThrow(ConfigError);
      expect(() => write(memory, "acme", ["key"])).toThrow('budgets("acme")');
    },
  );
});
