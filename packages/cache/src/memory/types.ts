/** A value in memory and its lifetimes. Times are of the monotonic clock, in milliseconds. */
export interface Entry {
  readonly value: unknown;
  /** Estimated bytes of the value. The memory adds the key and its own overhead. */
  readonly bytes: number;
  readonly freshUntil: number;
  /** End of the entry: from then on it is the first to be dropped. `Infinity` for never. */
  readonly usableUntil: number;
  readonly tags?: readonly string[];
  /** Further fields of the owner. */
  readonly meta: unknown;
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
  /** Bytes of all entries, with the estimated overhead. Never more than `maxBytes`. */
  readonly bytes: number;
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
