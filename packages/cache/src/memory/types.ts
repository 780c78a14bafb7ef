/** A value and what its readers must know of it. Times are of the monotonic clock, milliseconds. */
export interface Entry {
  readonly value: unknown;
  /** What the value takes in memory, see `sizeOf`. The memory adds the key and its own bookkeeping. */
  readonly bytes: number;
  readonly freshUntil: number;
  /** From then on the entry is worth nothing to anybody: it is the first to go. `Infinity` for never. */
  readonly usableUntil: number;
  readonly tags?: readonly string[];
  /** Whatever else its owner keeps. */
  readonly meta: unknown;
}

/** The entries of one tenant. A handle that may be kept: it costs nothing while the tenant has no entries. */
export interface Partition {
  /** Returns expired entries too: what may be done with one is its reader's decision. Counts as a use. */
  get(namespace: string, key: string): Entry | undefined;
  /** As `get`, and no use. */
  look(namespace: string, key: string): Entry | undefined;
  /**
   * Keeps the entry, in place of an earlier one. It may be gone at any time. An entry that is too large is not kept,
   * and neither is the one before it.
   */
  set(namespace: string, key: string, entry: Entry): void;
  /**
   * Keeps an entry that nobody has asked for, as far as there is room. It displaces only what is expired and what was
   * offered before it and is still not asked for, of whichever tenant; and it is displaced by everything. The first `get`
   * makes it an entry like any other. In place of an earlier entry it is as hot as that was.
   */
  offer(namespace: string, key: string, entry: Entry): void;
  delete(namespace: string, key: string): void;
  /** Forgets a namespace, or all of them, in constant time. */
  clear(namespace?: string): void;
}

/** What is kept in this process, at most `maxBytes` over all tenants. */
export interface Memory {
  /** Any text is a tenant, a namespace and a key. */
  tenant(tenantId: string): Partition;
  /** Forgets the entries of all tenants, in constant time. A partition that is used after it lets go of the old ones. */
  clear(): void;
  stats(): MemoryStats;
  /** `undefined` while the tenant has no entries. */
  usage(tenantId: string): TenantUsage | undefined;
}

/** What a tenant may use. */
export interface Budget {
  /** Of two tenants that both want more than there is, one with weight 2 gets twice the bytes. @default 1 */
  readonly weight?: number;
  /** Never more than this, even when others use less. */
  readonly maxBytes?: number;
  /**
   * Milliseconds after which a write asks for it again.
   * @default 60000
   */
  readonly validMs?: number;
}

export interface MemoryStats {
  readonly maxBytes: number;
  /** What is kept, with an estimate of the overhead. */
  readonly bytes: number;
  /** What was cleared and is not yet taken apart. `bytes` and this together never exceed `maxBytes`. */
  readonly reclaimableBytes: number;
  readonly entries: number;
  /** Tenants with at least one entry. */
  readonly tenants: number;
  /** Entries that had to go, since the start. */
  readonly evictions: Evictions;
  /** Entries that were too large to be kept, since the start. */
  readonly refused: number;
}

export interface Evictions {
  /** Nobody could have used them any more. */
  readonly expired: number;
  /** Nobody had asked for them since they were put there ahead of time. */
  readonly cold: number;
  /** Their tenant reached the `maxBytes` of its own budget. */
  readonly budget: number;
  /** Memory was full and their tenant was furthest above its share. */
  readonly share: number;
}

export interface TenantUsage {
  readonly bytes: number;
  readonly entries: number;
  readonly weight: number;
  /** What it keeps when all tenants that have entries want more. */
  readonly shareBytes: number;
}
