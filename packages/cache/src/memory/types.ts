/** A value in memory and its lifetimes. Times are of the monotonic clock, in milliseconds. */
export interface Entry {
  readonly value: unknown;
  /** Estimated bytes of the value, see `sizeOf`. The memory adds the key and its own overhead. */
  readonly bytes: number;
  readonly freshUntil: number;
  /** End of the entry: from then on it is the first to be dropped. `Infinity` for never. */
  readonly usableUntil: number;
  readonly tags?: readonly string[];
  /** Further fields of the owner. */
  readonly meta: unknown;
}

/** The entries of one tenant. A handle that may be kept: it costs nothing while the tenant has no entries. */
export interface Partition {
  /** Returns an entry, also an expired one: the reader decides whether to use it. Counts as a use. */
  get(namespace: string, key: string): Entry | undefined;
  /** As `get`, without counting as a use. */
  peek(namespace: string, key: string): Entry | undefined;
  /**
   * Stores an entry, in place of an earlier one. It may be evicted at any time. An entry that is too large is not stored,
   * and the earlier one is removed.
   */
  set(namespace: string, key: string, entry: Entry): void;
  /**
   * Stores an entry that no reader has asked for, if there is room: a cold entry. It displaces only expired entries and
   * earlier cold ones, of any tenant, and every other write displaces it. The first `get` makes it an entry like any other.
   * In place of an earlier entry it keeps that entry's rank.
   */
  offer(namespace: string, key: string, entry: Entry): void;
  delete(namespace: string, key: string): void;
  /** Clears a namespace, or all of them, in constant time. */
  clear(namespace?: string): void;
}

/** The memory of this process (L1), at most `maxBytes` over all tenants. */
export interface Memory {
  /** Returns the partition of a tenant. Any string is a tenant, a namespace and a key. */
  tenant(tenantId: string): Partition;
  /** Clears the entries of all tenants in constant time. A partition drops its references when it is used next. */
  clear(): void;
  stats(): MemoryStats;
  /** `undefined` while the tenant has no entries. */
  usage(tenantId: string): TenantUsage | undefined;
}

/** The memory budget of a tenant. */
export interface Budget {
  /** Weight of the tenant: when two tenants want more memory than there is, weight 2 gets twice the bytes of weight 1. @default 1 */
  readonly weight?: number;
  /** Maximum bytes of the tenant, even when others use less. */
  readonly maxBytes?: number;
  /**
   * Milliseconds after which a write asks for the budget again.
   * @default 60000
   */
  readonly validMs?: number;
}

export interface MemoryStats {
  readonly maxBytes: number;
  /** Bytes of all entries, with the estimated overhead. */
  readonly bytes: number;
  /** Bytes of cleared entries that are not yet purged. `bytes` and this together never exceed `maxBytes`. */
  readonly reclaimableBytes: number;
  readonly entries: number;
  /** Number of tenants with at least one entry. */
  readonly tenants: number;
  /** Evicted entries since the start, by cause. */
  readonly evictions: {
    /** The entry was past `usableUntil`. */
    readonly expired: number;
    /** No reader had asked for the entry since it was stored ahead of time. */
    readonly cold: number;
    /** The tenant reached the `maxBytes` of its own budget. */
    readonly budget: number;
    /** Memory was full and the tenant was furthest above its share. */
    readonly share: number;
  };
  /** Entries since the start that were too large to be stored. */
  readonly refused: number;
}

export interface TenantUsage {
  readonly bytes: number;
  readonly entries: number;
  readonly weight: number;
  /** Bytes that the tenant keeps when all tenants with entries want more. */
  readonly shareBytes: number;
}
