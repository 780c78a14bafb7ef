import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMemory } from "./create-memory.js";
import { entryNodeBytes, NAMESPACE_BYTES, tenantBytes } from "./entry-size.js";
import type { Memory } from "./memory.js";
import type { Entry } from "./types.js";

fc.configureGlobal({ seed: 20_261_120, numRuns: 150 });

const TENANTS = ["acme", "globex", "__proto__", "", "a\u0000b", "\ud800", "constructor", "a:b", "a"];
const SPACES = ["invoice", "__proto__", "", "b:c", "toString"];
const KEYS = ["1", "__proto__", "", "\u0000", "\udfff", "hasOwnProperty", "b:1", "2", "3", "4", "5", "6"];

type Step =
  | { readonly is: "set" | "offer"; readonly at: Place; readonly bytes: number; readonly livesMs: number }
  | { readonly is: "get" | "delete"; readonly at: Place }
  | { readonly is: "leave" | "clear all"; readonly at: Place }
  | { readonly is: "wait"; readonly ms: number };

type Place = readonly [tenant: string, namespace: string, key: string];

// Mostly the same two of each, so that calls collide.
const pick = (texts: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...texts.slice(0, 2)) }, fc.constantFrom(...texts));
const place = fc.tuple(pick(TENANTS), pick(SPACES), pick(KEYS));
const livesMs = fc.oneof(fc.constant(Infinity), fc.nat(300));
const rare = fc.constantFrom("leave" as const, "clear all" as const);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ is: fc.constant("set" as const), at: place, bytes: fc.nat(1500), livesMs }) },
  { weight: 6, arbitrary: fc.record({ is: fc.constant("offer" as const), at: place, bytes: fc.nat(1500), livesMs }) },
  { weight: 6, arbitrary: fc.record({ is: fc.constant("get" as const), at: place }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("delete" as const), at: place }) },
  { weight: 1, arbitrary: fc.record({ is: rare, at: place }) },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("wait" as const), ms: fc.nat(100) }) },
);
const steps = fc.array(step, { minLength: 20, maxLength: 250, size: "max" });

/** The last written entries that were not deleted, by tenant and namespace. */
type Model = Map<string, Map<string, Map<string, Entry>>>;

interface World {
  readonly memory: Memory;
  readonly model: Model;
  readonly clock: ReturnType<typeof createManualClock>;
}

function worldOf(maxBytes: number): World {
  const clock = createManualClock();
  const budgets = (tenantId: string) => (tenantId === "globex" ? { weight: 3, maxBytes: maxBytes / 4 } : {});
  return { memory: createMemory({ maxBytes, maxEntryBytes: maxBytes, budgets, clock }), model: new Map(), clock };
}

function take({ memory, model, clock }: World, step: Step): void {
  if (step.is === "wait") return clock.advance(step.ms);
  const [tenantId, namespace, key] = step.at;
  const partition = memory.tenant(tenantId);
  if (step.is === "set" || step.is === "offer") {
    const usableUntil = clock.monotonic() + step.livesMs;
    const entry: Entry = { value: step, bytes: step.bytes, freshUntil: 0, usableUntil, meta: undefined };
    const spaces = model.get(tenantId) ?? new Map<string, Map<string, Entry>>();
    const entries = spaces.get(namespace) ?? new Map<string, Entry>();
    model.set(tenantId, spaces.set(namespace, entries.set(key, entry)));
    if (step.is === "set") partition.set(namespace, key, entry);
    else partition.offer(namespace, key, entry);
  } else if (step.is === "get") partition.get(namespace, key);
  else if (step.is === "delete") {
    model.get(tenantId)?.get(namespace)?.delete(key);
    partition.delete(namespace, key);
  } else if (step.is === "leave") {
    model.delete(tenantId);
    partition.clear();
  } else {
    model.clear();
    memory.clear();
  }
}

const everywhere = TENANTS.flatMap((tenant) =>
  SPACES.flatMap((namespace) => KEYS.map((key): Place => [tenant, namespace, key])),
);

const placeOf = (step: Step): Place => (step.is === "wait" ? ["acme", "", ""] : step.at);
const foundOf = ({ memory }: World, [tenantId, namespace, key]: Place) => memory.tenant(tenantId).get(namespace, key);
/** True when the entry is there and has not expired. Does not count as a use. */
const stays = ({ memory, clock }: World, [tenantId, namespace, key]: Place): boolean => {
  const partition = memory.tenant(tenantId);
  const entry = partition.peek(namespace, key);
  return entry !== undefined && entry.usableUntil > clock.monotonic();
};
const writtenOf = ({ model }: World, [tenantId, namespace, key]: Place) =>
  model.get(tenantId)?.get(namespace)?.get(key);

const usages = (memory: Memory) =>
  TENANTS.map((tenantId) => memory.usage(tenantId)).filter((usage) => usage !== undefined);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** The bytes of the model's entries. */
function bytesOf(model: Model): number {
  const ofTenant = ([tenantId, spaces]: [string, Map<string, Map<string, Entry>>]): number => {
    const used = [...spaces].filter(([, entries]) => entries.size > 0);
    if (used.length === 0) return 0;
    const ofSpace = ([name, entries]: [string, Map<string, Entry>]) =>
      NAMESPACE_BYTES + name.length + sum([...entries].map(([key, entry]) => entryNodeBytes(key, entry)));
    return tenantBytes(tenantId) + sum(used.map(ofSpace));
  };
  return sum([...model].map(ofTenant));
}

describe("createMemory, after any sequence of calls", () => {
  it("returns the last written entry or none, and never a deleted one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5_000, max: 40_000 }), steps, (maxBytes, steps) => {
        const world = worldOf(maxBytes);
        for (const step of steps) {
          take(world, step);
          const at = placeOf(step);
          expect(foundOf(world, at)).toBeOneOf([undefined, writtenOf(world, at)]);
        }
        for (const at of everywhere) expect(foundOf(world, at)).toBeOneOf([undefined, writtenOf(world, at)]);
      }),
    );
  });

  it("never exceeds its bytes, nor a tenant its budget, and the tenants add up to the total", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5_000, max: 40_000 }), steps, (maxBytes, steps) => {
        const world = worldOf(maxBytes);
        for (const step of steps) {
          take(world, step);
          const { bytes, entries, tenants } = world.memory.stats();
          expect(bytes).toBeLessThanOrEqual(maxBytes);
          expect(world.memory.usage("globex")?.bytes ?? 0).toBeLessThanOrEqual(maxBytes / 4);
          const all = usages(world.memory);
          expect(all.every((usage) => usage.entries > 0)).toBe(true);
          expect(sum(all.map((usage) => usage.bytes))).toBe(bytes);
          expect(sum(all.map((usage) => usage.entries))).toBe(entries);
          expect(all.length).toBe(tenants);
        }
      }),
    );
  });

  it("loses to an offer only offered or expired entries", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5_000, max: 40_000 }), steps, (maxBytes, steps) => {
        const world = worldOf(maxBytes);
        const isCold = new Set<string>();
        for (const step of steps) {
          const before = everywhere.filter((at) => stays(world, at) && !isCold.has(String(at)));
          take(world, step);
          const at = String(placeOf(step));
          // An entry that replaces another keeps its rank, and may need more bytes.
          const isNew = step.is === "offer" && !before.some((each) => String(each) === at);
          if (isNew) isCold.add(at);
          expect(isNew ? before.filter((each) => !stays(world, each)) : []).toEqual([]);
          if (step.is === "set" || step.is === "get") isCold.delete(at);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("counts each entry, namespace and tenant once while there is room for all", () => {
    fc.assert(
      fc.property(steps, (steps) => {
        const world = worldOf(100_000_000);
        for (const step of steps) {
          // A wait would let some entries expire.
          if (step.is === "wait") continue;
          take(world, "livesMs" in step ? { ...step, livesMs: step.livesMs + 1 } : step);
          expect(world.memory.stats().bytes).toBe(bytesOf(world.model));
        }
        for (const at of everywhere) expect(foundOf(world, at)).toBe(writtenOf(world, at));
      }),
    );
  });

  it("is empty when all entries are deleted", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5_000, max: 40_000 }), steps, (maxBytes, steps) => {
        const world = worldOf(maxBytes);
        for (const step of steps) take(world, step);
        for (const [tenantId, namespace, key] of everywhere) world.memory.tenant(tenantId).delete(namespace, key);
        expect(world.memory.stats()).toMatchObject({ bytes: 0, entries: 0, tenants: 0 });
      }),
    );
  });
});
