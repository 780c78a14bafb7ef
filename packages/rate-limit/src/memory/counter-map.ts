import type { RateLimitRule } from "@scale/core";
import { joinKey } from "@scale/core/kit";
import { type MutableState, windowUs } from "../algorithms/algorithm.js";
import { algorithmOf } from "../algorithms/algorithm-of.js";
import { isRemembered } from "../algorithms/block.js";
import { expireSlots, type Slots } from "../algorithms/slots.js";

/** Identifies one count, with the time of the decision in microseconds. */
export interface CounterKey {
  readonly counters: RuleCounters;
  readonly tenantId: string;
  readonly subject: string;
  readonly now: number;
}

/** The stored count of one rule and subject: a state, or slots for `concurrency`. Written in place. */
export interface CounterEntry extends Pick<CounterKey, "counters" | "tenantId" | "subject"> {
  /** The rule that wrote it last. */
  rule: RateLimitRule;
  state: MutableState;
  readonly slots: Slots | undefined;
  /** The block of the subject, for a rule with one: see `algorithms/block.ts`. */
  block?: MutableState;
  /** Index in the eviction ring. Negative for an entry that is not stored: new, or evicted in the meantime. */
  index: number;
}

/** Entries checked for eviction when the map is full. */
const EVICTION_SAMPLE = 16;
/** Entries checked for expiry per insertion: above 1, so that expired entries go faster than new ones come. */
const EXPIRY_CHECKS = 2;

/**
 * A bounded map of counts, without timers. It is nested by rule, tenant and subject, because three look-ups are faster than
 * building one joined key. Insertions remove old entries that are empty, which loses nothing. When `maxKeys` entries are
 * in use, the least used of a sample, measured by its own limit, is evicted: a client that rotates keys evicts its own.
 */
export function createCounterMap(maxKeys: number): (scope: readonly string[]) => RuleCounters {
  const byName = new Map<string, RuleCounters>();
  // The same scope arrays come with every request.
  const byScope = new WeakMap<readonly string[], RuleCounters>();
  const ring = new EvictionRing(maxKeys);

  return (scope) => {
    let counters = byScope.get(scope);
    if (counters !== undefined) return counters;
    const name = joinKey(scope);
    counters = byName.get(name) ?? new RuleCounters(ring);
    byName.set(name, counters);
    byScope.set(scope, counters);
    return counters;
  };
}

/** The entries of one rule. */
export class RuleCounters {
  // The count of a tenant itself has its id twice: one look-up is enough.
  readonly #byTenant = new Map<string, CounterEntry>();
  readonly #bySubject = new Map<string, Map<string, CounterEntry>>();
  readonly #ring: EvictionRing;

  constructor(ring: EvictionRing) {
    this.#ring = ring;
  }

  get(tenantId: string, subject: string): CounterEntry | undefined {
    return subject === tenantId ? this.#byTenant.get(tenantId) : this.#bySubject.get(tenantId)?.get(subject);
  }

  add(entry: CounterEntry, now: number): void {
    this.#ring.makeRoom(now);
    this.#ring.add(entry);
    const { tenantId, subject } = entry;
    if (subject === tenantId) {
      this.#byTenant.set(tenantId, entry);
      return;
    }
    let subjects = this.#bySubject.get(tenantId);
    if (subjects === undefined) this.#bySubject.set(tenantId, (subjects = new Map()));
    subjects.set(subject, entry);
  }

  delete(entry: CounterEntry): void {
    const { tenantId, subject } = entry;
    this.#ring.remove(entry);
    if (subject === tenantId) {
      this.#byTenant.delete(tenantId);
      return;
    }
    const subjects = this.#bySubject.get(tenantId);
    subjects?.delete(subject);
    if (subjects?.size === 0) this.#bySubject.delete(tenantId);
  }
}

/** The entries of all rules in one list, visited in turns. */
class EvictionRing {
  readonly #maxKeys: number;
  readonly #entries: CounterEntry[] = [];
  #hand = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  add(entry: CounterEntry): void {
    entry.index = this.#entries.push(entry) - 1;
  }

  remove(entry: CounterEntry): void {
    const { index } = entry;
    const last = this.#entries.pop();
    entry.index = -1;
    if (last === undefined || last === entry) return;
    // The last entry moves into the gap.
    last.index = index;
    this.#entries[index] = last;
  }

  /** Removes entries that are empty, and evicts one that is not when the map is full. */
  makeRoom(now: number): void {
    for (let i = 0; i < EXPIRY_CHECKS; i++) {
      const entry = this.#next();
      if (entry !== undefined && usedShare(entry, now) === 0) entry.counters.delete(entry);
    }
    if (this.#entries.length < this.#maxKeys) return;
    const evicted = this.#leastUsed(now);
    evicted?.counters.delete(evicted);
  }

  #leastUsed(now: number): CounterEntry | undefined {
    let found: CounterEntry | undefined;
    let least = Infinity;
    for (let i = 0; i < EVICTION_SAMPLE; i++) {
      const entry = this.#next();
      const share = entry === undefined ? Infinity : usedShare(entry, now);
      if (share >= least) continue;
      least = share;
      found = entry;
    }
    return found;
  }

  #next(): CounterEntry | undefined {
    if (this.#hand >= this.#entries.length) this.#hand = 0;
    return this.#entries[this.#hand++];
  }
}

/** Used share of the entry's limit. */
function usedShare({ rule, state, slots, block }: CounterEntry, now: number): number {
  const algorithm = algorithmOf(rule);
  if (block !== undefined && isRemembered(block, now, windowUs(rule))) return 1;
  if (algorithm !== undefined) return algorithm.used(algorithm.at(state, now), now) / rule.burst;
  if (slots === undefined) return 0;
  expireSlots(slots, now);
  return slots.size / rule.limit;
}
