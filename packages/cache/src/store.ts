/** Identifies one entry of one tenant in the store. */
export interface EntryAddress {
  /** `""` for entries that belong to no tenant; no tenant can have that id. */
  readonly tenantId: string;
  /** Name and key parts, joined injectively. */
  readonly key: string;
  /** Hint for the store: whether the entry may have tags. Unknown when left out. */
  readonly hasTags?: boolean;
}

/** The content of an entry. */
export interface EntryContent {
  readonly text: string;
  /** Milliseconds after the fill for which the entry is fresh. */
  readonly freshMs: number;
  /** Milliseconds after the fill for which the entry is kept. Never less than `freshMs`. */
  readonly usableMs: number;
  /** Tags of the entry, none of them empty. */
  readonly tags: readonly string[];
}

export interface StoredEntry extends EntryContent {
  /** Milliseconds since the fill, by the clock of the store. */
  readonly ageMs: number;
}

/**
 * The result of a read.
 * `leased`: there is no fresh value, and the caller alone is to load it and fill it with the token.
 * `busy`: another caller has the lease and is loading.
 */
export type ReadResult =
  | { readonly is: "value"; readonly stored: StoredEntry }
  | { readonly is: "leased"; readonly token: string; readonly old: StoredEntry | undefined }
  | { readonly is: "busy"; readonly old: StoredEntry | undefined };

/** The result of a claim. `older`: a value or a writer with a higher version is there. */
export type ClaimResult =
  | { readonly is: "leased"; readonly token: string }
  | { readonly is: "busy" }
  | { readonly is: "older" };

/** The reason for a claim: to load a value again that is still there, or to write a known value. */
export type ClaimReason = { readonly to: "refresh" } | { readonly to: "write"; readonly version: number | undefined };

/** Entries of one tenant that are no longer valid. */
export interface Invalidation {
  readonly tenantId: string;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** True for all entries of the tenant. */
  readonly all: boolean;
  /** Id of the cache that invalidates. A cache that hears its own has applied it already. */
  readonly from?: string;
}

/** Receives invalidations. */
export interface InvalidationListener {
  invalidated(invalidation: Invalidation): void;
  /** Every invalidation before `atMs`, by the monotonic clock of this process, was delivered. */
  confirmed(atMs: number): void;
  /** An invalidation may have been missed. */
  lost(): void;
}

/** Receives the result of a read: one of the two is called, once. */
export interface ReadListener {
  found(found: ReadResult): void;
  failed(error: unknown): void;
}

/**
 * Shares entries between the processes of an application (L2). All of this must hold whatever is late, repeated or lost:
 *
 * - Every call settles within a deadline of the store's own.
 * - A call that is carried out after its deadline, or twice, revives nothing. A lease that it takes is given back.
 * - An entry holds a value, or a lease, or both: the value that is being replaced, also by a write. When that lease has expired, the next
 *   reader gets the lease and the old value.
 * - When several callers read a missing entry, one gets the lease. The lease of a dead process ends by itself.
 * - A fill counts only while the lease that its token names is there, and no tag of the value was invalidated since.
 * - An invalidation ends values and leases, and is delivered to all subscribed caches after that, with `from` unchanged.
 */
export interface CacheStore {
  /** Life of a lease in milliseconds, unless it is renewed. */
  readonly leaseMs: number;
  /** Reads an entry, and takes the lease when there is none. */
  readonly read: {
    (address: EntryAddress): Promise<ReadResult>;
    /**
     * Optional form without a promise, for a store that is read so often that promises matter. It calls the listener after it
     * has returned, and never throws. It is a property of the function, so that a wrapper of `read` wraps both forms.
     */
    readonly to?: (address: EntryAddress, listener: ReadListener) => void;
  };
  /** Reads an entry without taking the lease. A value that is being replaced is returned until the fill, or the end of that lease. */
  readWithoutLease(address: EntryAddress): Promise<StoredEntry | undefined>;
  /** Takes the lease although a value is there. A claim for a write also takes it from another holder. */
  claim(address: EntryAddress, reason: ClaimReason): Promise<ClaimResult>;
  /**
   * Replaces a lease by a value.
   * @returns false when the lease is gone or a tag was invalidated: the value may be outdated, and no reader gets it
   */
  fillIn(lease: Lease, content: EntryContent): Promise<boolean>;
  /** Gives a lease back; the value that was being replaced stays. */
  release(lease: Lease): Promise<void>;
  /** @returns false when the lease is gone */
  renew(lease: Lease): Promise<boolean>;
  invalidate(invalidation: Invalidation): Promise<void>;
  /**
   * Subscribes to invalidations, with a confirmation at least every `everyMs` that none was missed.
   * A cache whose store has no `subscribe` keeps nothing in memory by default.
   * @returns a function that unsubscribes
   */
  subscribe?(listener: InvalidationListener, everyMs: number): () => void;
}

export interface Lease extends EntryAddress {
  readonly token: string;
  /** Set when the value is a write, not a load: the id of the cache that writes. Other caches may hold an older value, and are notified. */
  readonly notify?: string;
}
