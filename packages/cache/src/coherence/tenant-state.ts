import { keyTextOf } from "../definition/key.js";
import type { Memory, Partition } from "../memory/memory.js";
import type { Entry, TenantUsage } from "../memory/types.js";
import type { Invalidation } from "../store.js";

/** The fields of an L1 entry that only this folder reads. */
export interface L1Meta {
  /** Tag generation of the tenant when the read or the load began. */
  readonly tagGeneration: number;
  /** Time of the fill, by the monotonic clock. */
  readonly filledAt: number;
  /** Duration of the load, 0 when unknown. */
  readonly loadMs: number;
  /** Version of a set, without a store. */
  readonly version?: number;
  /** Set after a failed load, by the monotonic clock: the loader is not called again before. */
  readonly retryAt?: number;
}

/** Counters of one tenant, since this process knows the tenant. */
export interface Counts {
  memoryHits: number;
  storeHits: number;
  staleHits: number;
  loads: number;
  loadErrors: number;
  invalidations: number;
}

const COUNT_NAMES = ["memoryHits", "storeHits", "staleHits", "loads", "loadErrors", "invalidations"] as const;
const noCounts = (): Counts => ({
  ...{ memoryHits: 0, storeHits: 0, staleHits: 0 },
  ...{ loads: 0, loadErrors: 0, invalidations: 0 },
});

function addCounts(sum: Counts, counts: Readonly<Counts>): void {
  for (const name of COUNT_NAMES) sum[name] += counts[name];
}

/** Maximum number of tag generations per tenant. One more clears the tenant's L1. */
const MAX_TAGS = 1000;

/** The state of one tenant in this process: its L1 partition, flights and counters. */
export class TenantState {
  readonly tenantId: string;
  readonly partition: Partition;
  /** Flights by store key. Only these members of a flight are needed here. */
  readonly flights: Map<string, { readonly hasTags: boolean; isDetached: boolean; finished(): Promise<void> }> =
    new Map();
  readonly counts: Counts = noCounts();
  /** True once the state was forgotten: a handle that holds it must look up its successor. */
  isRetired = false;
  /** Calls without a flight that need this state when they end: it is not forgotten before. */
  pendingCalls = 0;
  /** Number of invalidations, see `openFence`. */
  invalidationCount = 0;
  #tagGeneration = 0;
  // Per invalidated tag, the lowest generation of entries that are still valid.
  readonly #tagGenerations: Map<string, number> = new Map();

  constructor(tenantId: string, partition: Partition) {
    this.tenantId = tenantId;
    this.partition = partition;
  }

  /** Number of tag invalidations. */
  get tagGeneration(): number {
    return this.#tagGeneration;
  }

  get hasReads(): boolean {
    return this.counts.memoryHits + this.counts.storeHits + this.counts.staleHits > 0;
  }

  /** True when no flight and no call depends on this state. */
  get isIdle(): boolean {
    return this.flights.size === 0 && this.pendingCalls === 0;
  }

  /** The entry in L1 unless it was invalidated, whatever its age. Counts as a use. */
  get(name: string, key: string): Entry | undefined {
    const entry = this.partition.get(name, key);
    return entry?.tags === undefined ? entry : this.#ifValid(entry);
  }

  /** As `get`, without counting as a use. */
  peek(name: string, key: string): Entry | undefined {
    const entry = this.partition.peek(name, key);
    return entry?.tags === undefined ? entry : this.#ifValid(entry);
  }

  /** Called only for entries with tags, so that entries without tags cost nothing. */
  #ifValid(entry: Entry): Entry | undefined {
    const { tagGeneration } = entry.meta as L1Meta;
    for (const tag of entry.tags ?? []) {
      if ((this.#tagGenerations.get(tag) ?? 0) > tagGeneration) return undefined;
    }
    return entry;
  }

  /** Applies an invalidation to L1, and detaches the flights that it concerns. */
  apply({ keys, tags, all }: Invalidation): void {
    this.invalidationCount++;
    if (all) return this.#clear();
    for (const key of keys) {
      // The name of a definition contains no separator.
      const at = key.indexOf(":");
      this.partition.delete(key.slice(0, at), keyTextOf(key.slice(at + 1)));
      this.#detach(key);
    }
    if (tags.length === 0) return;
    this.#tagGeneration++;
    for (const tag of tags) this.#tagGenerations.set(tag, this.#tagGeneration);
    if (this.#tagGenerations.size > MAX_TAGS) this.#clearEntries();
    // The tags of a value are not known before it is loaded.
    for (const [key, flight] of this.flights) if (flight.hasTags) this.#detach(key);
  }

  /** Marks the state as forgotten, and removes the entries that its successor could not validate. */
  retire(): void {
    this.isRetired = true;
    // The successor counts tag generations from 0, so those of existing entries mean nothing to it.
    if (this.#tagGeneration > 0) this.#clearEntries();
  }

  #clear(): void {
    this.#clearEntries();
    for (const key of this.flights.keys()) this.#detach(key);
  }

  #clearEntries(): void {
    this.partition.clear();
    this.#tagGenerations.clear();
  }

  #detach(key: string): void {
    const flight = this.flights.get(key);
    if (flight === undefined) return;
    flight.isDetached = true;
    this.flights.delete(key);
  }
}

/** The states of all tenants that this process knows. */
export interface TenantStates {
  /** Returns the state of the tenant, and creates it if necessary. */
  of(tenantId: string): TenantState;
  has(tenantId: string): boolean;
  /** Forgets a tenant without reads, tag invalidations and running work. */
  forgetIfUnused(tenantId: string): void;
  /** The L1 usage of the tenant. */
  usage(tenantId: string): TenantUsage | undefined;
  /** Resolves when all flights that are under way have finished. */
  finished(): Promise<unknown>;
  /** Counts of all tenants since the start, those that are forgotten included. */
  counts(): Readonly<Counts>;
  readonly size: number;
}

/** Keeps at most `maxTenants` states, plus those with running work. */
export function createTenantStates(memory: Memory, maxTenants: number): TenantStates {
  const states = new Map<string, TenantState>();
  const forgotten = noCounts();

  function retire(state: TenantState): void {
    addCounts(forgotten, state.counts);
    state.retire();
  }

  /** Forgets the oldest idle state. Busy states are few, and move to the end. */
  function evict(created: TenantState): void {
    let seen = 0;
    for (const [tenantId, state] of states) {
      if (states.size <= maxTenants || state === created || ++seen > 100) return;
      states.delete(tenantId);
      if (state.isIdle) retire(state);
      else states.set(tenantId, state);
    }
  }

  return {
    of(tenantId) {
      const known = states.get(tenantId);
      if (known !== undefined) return known;
      const created = new TenantState(tenantId, memory.tenant(tenantId));
      states.set(tenantId, created);
      evict(created);
      return created;
    },
    has: (tenantId) => states.has(tenantId),
    usage: (tenantId) => memory.usage(tenantId),
    finished: () =>
      Promise.all([...states.values()].flatMap(({ flights }) => [...flights.values()].map((each) => each.finished()))),
    forgetIfUnused(tenantId) {
      const state = states.get(tenantId);
      if (state === undefined || !state.isIdle || state.tagGeneration > 0 || state.hasReads) return;
      states.delete(tenantId);
      retire(state);
    },
    counts() {
      const sum = { ...forgotten };
      for (const { counts } of states.values()) addCounts(sum, counts);
      return sum;
    },
    get size() {
      return states.size;
    },
  };
}
