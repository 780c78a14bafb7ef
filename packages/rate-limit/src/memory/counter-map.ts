import type { RateLimitRule } from "@scale/core";
import { joinKey } from "@scale/core/kit";
import type { MutableState } from "../algorithms/counter.js";
import { counterOf } from "../algorithms/counter-of.js";
import { expireSlots, type Slots } from "../algorithms/slots.js";

/** What is kept for one rule and subject: a state, or slots for `concurrency`. Written in place. */
export interface Entry {
  /** The rule that wrote it last. */
  rule: RateLimitRule;
  state: MutableState;
  readonly slots: Slots | undefined;
  /** Its place among all entries; below 0 for one that is not kept, or no longer: others may have swept it out. */
  at: number;
}

/** Whose count it is, and what time it is: microseconds. */
export interface Whose {
  readonly tenantId: string;
  readonly subject: string;
  readonly now: number;
}

/** The entries of one rule. */
export interface Shard {
  get(tenantId: string, subject: string): Entry | undefined;
  add(whose: Whose, entry: Entry): void;
  delete(tenantId: string, subject: string): void;
}

/** Keys looked at when one must go. */
const SAMPLE = 16;
/** Keys looked at for expiry with every new one: above 1, so that expired keys go faster than new ones come. */
const SWEEP = 2;

/**
 * A bounded set of entries without timers. They lie apart by rule, tenant and subject, because looking each up by itself
 * is faster than building a key of all. New entries sweep out old ones that are empty, which loses nothing. When
 * `maxKeys` are in use, the emptiest of a few, measured by its own limit, is dropped: who rotates keys drops his own.
 */
export function createShards(maxKeys: number): (scope: readonly string[]) => Shard {
  const byName = new Map<string, Shard>();
  // The same arrays come with every request.
  const byScope = new WeakMap<readonly string[], Shard>();
  const ring = new Ring(maxKeys);

  return (scope) => {
    let shard = byScope.get(scope);
    if (shard !== undefined) return shard;
    const name = joinKey(scope);
    shard = byName.get(name) ?? new Entries(ring);
    byName.set(name, shard);
    byScope.set(scope, shard);
    return shard;
  };
}

/** An entry in its place. */
interface Kept extends Entry {
  readonly home: Entries;
  readonly tenantId: string;
  readonly subject: string;
}

class Entries implements Shard {
  // A tenant's own count has its id twice: the second look-up is spared.
  readonly #own = new Map<string, Kept>();
  readonly #others = new Map<string, Map<string, Kept>>();
  readonly #ring: Ring;

  constructor(ring: Ring) {
    this.#ring = ring;
  }

  get(tenantId: string, subject: string): Kept | undefined {
    return subject === tenantId ? this.#own.get(tenantId) : this.#others.get(tenantId)?.get(subject);
  }

  add({ tenantId, subject, now }: Whose, entry: Entry): void {
    this.#ring.makeRoom(now);
    const kept = Object.assign(entry, { home: this, tenantId, subject });
    this.#ring.add(kept);
    if (subject === tenantId) {
      this.#own.set(tenantId, kept);
      return;
    }
    let ofTenant = this.#others.get(tenantId);
    if (ofTenant === undefined) this.#others.set(tenantId, (ofTenant = new Map()));
    ofTenant.set(subject, kept);
  }

  delete(tenantId: string, subject: string): void {
    const kept = this.get(tenantId, subject);
    if (kept !== undefined) this.drop(kept);
  }

  drop(kept: Kept): void {
    const { tenantId, subject } = kept;
    this.#ring.remove(kept);
    if (subject === tenantId) {
      this.#own.delete(tenantId);
      return;
    }
    const ofTenant = this.#others.get(tenantId);
    ofTenant?.delete(subject);
    if (ofTenant?.size === 0) this.#others.delete(tenantId);
  }
}

/** All entries of all rules, one after the other, for ever. */
class Ring {
  readonly #maxKeys: number;
  readonly #list: Kept[] = [];
  #hand = 0;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  add(kept: Kept): void {
    kept.at = this.#list.push(kept) - 1;
  }

  remove(kept: Kept): void {
    const { at } = kept;
    const last = this.#list.pop();
    kept.at = -1;
    if (last === undefined || last === kept) return;
    // The last one takes its place.
    last.at = at;
    this.#list[at] = last;
  }

  /** Drops entries that are empty, and one that is not when there are too many. */
  makeRoom(now: number): void {
    for (let i = 0; i < SWEEP; i++) {
      const kept = this.#next();
      if (kept !== undefined && fillAt(kept, now) === 0) kept.home.drop(kept);
    }
    if (this.#list.length < this.#maxKeys) return;
    const found = this.#emptiest(now);
    found?.home.drop(found);
  }

  #emptiest(now: number): Kept | undefined {
    let found: Kept | undefined;
    let least = Infinity;
    for (let i = 0; i < SAMPLE; i++) {
      const kept = this.#next();
      const fill = kept === undefined ? Infinity : fillAt(kept, now);
      if (fill >= least) continue;
      least = fill;
      found = kept;
    }
    return found;
  }

  #next(): Kept | undefined {
    if (this.#hand >= this.#list.length) this.#hand = 0;
    return this.#list[this.#hand++];
  }
}

/** Part of the limit that is used. */
function fillAt({ rule, state, slots }: Entry, now: number): number {
  const counter = counterOf(rule);
  if (counter !== undefined) return counter.used(counter.at(state, now), now) / rule.burst;
  if (slots === undefined) return 0;
  expireSlots(slots, now);
  return slots.size / rule.limit;
}
