/** One entry of one tenant. */
export interface EntryAddress {
  /** `""` for what belongs to no tenant; no tenant can have that id. */
  readonly tenantId: string;
  /** Name and key parts, joined injectively. */
  readonly key: string;
  /** Whether the entry may have tags; when it is left out, nothing is known of that. A hint to the store. */
  readonly hasTags?: boolean;
}

/** What is kept of an entry. */
export interface EntryContent {
  readonly text: string;
  /** Milliseconds from the fill on in which the entry is as good as loaded. */
  readonly freshMs: number;
  /** Milliseconds from the fill on after which it is worth nothing. Never less than `freshMs`. */
  readonly usableMs: number;
  /** None of them empty. */
  readonly tags: readonly string[];
}

export interface StoredEntry extends EntryContent {
  /** Since the fill, by the clock of the store. */
  readonly ageMs: number;
}

/**
 * What a read finds. `leased`: nothing fresh is there and the asker alone is to load it, and to fill it with the token.
 * `busy`: somebody else is loading it.
 */
export type ReadResult =
  | { readonly is: "value"; readonly stored: StoredEntry }
  | { readonly is: "leased"; readonly token: string; readonly old: StoredEntry | undefined }
  | { readonly is: "busy"; readonly old: StoredEntry | undefined };

export type ClaimResult =
  | { readonly is: "leased"; readonly token: string }
  | { readonly is: "busy" }
  /** A value or a writer with a higher version is there. */
  | { readonly is: "older" };

/** What a claim is for: to load again what is still there, or to write a value that is known already. */
export type ClaimReason = { readonly to: "refresh" } | { readonly to: "write"; readonly version: number | undefined };

/** What is no longer true of one tenant. */
export interface Invalidation {
  readonly tenantId: string;
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Everything that the tenant has. */
  readonly all: boolean;
}

/** Tells what other processes invalidate. */
export interface InvalidationListener {
  invalidated(what: Invalidation): void;
  /** All that was invalidated before `atMs`, of the monotonic clock of this process, has been told. */
  confirmed(atMs: number): void;
  /** Something may have been missed. */
  lost(): void;
}

/** Who is told what a read finds: one of the two, once. */
export interface ReadListener {
  found(found: ReadResult): void;
  failed(error: unknown): void;
}

export interface Read {
  (place: EntryAddress): Promise<ReadResult>;
  /**
   * The same without a promise, for a store that is asked often enough for that to matter. Tells the listener after it has
   * returned, and never throws. It belongs to the function, so that who wraps that wraps all.
   */
  readonly to?: (place: EntryAddress, listener: ReadListener) => void;
}

/**
 * Where the processes of an application share entries. All of it must hold whatever is late, repeated or lost:
 *
 * - An entry holds a value, or a lease, or both: the value that is being replaced.
 * - Of all that ask for an entry that is not there one gets the lease; when it dies the lease ends by itself.
 * - A fill counts only while the lease that its token names is there, and no tag of the value was invalidated since.
 * - An invalidation ends values and leases, and is told to all processes that listen, after it has happened.
 */
export interface CacheStore {
  /** Milliseconds within which every call settles. */
  readonly settlesWithinMs: number;
  /** Milliseconds that a lease lives unless it is renewed. */
  readonly leaseMs: number;
  /** Reads an entry, and takes the lease when there is none. */
  readonly read: Read;
  /** Reads an entry, and takes no lease. `undefined` when none is there, or it is being replaced. */
  readWithoutLease(place: EntryAddress): Promise<StoredEntry | undefined>;
  /** Takes the lease although a value is there. For a write it also takes it from somebody else. */
  claim(place: EntryAddress, purpose: ClaimReason): Promise<ClaimResult>;
  /**
   * Puts a value in the place of a lease.
   * @returns false when the lease is gone or a tag was invalidated: the value may be outdated, and nobody gets to see it
   */
  fillIn(lease: Lease, content: EntryContent): Promise<boolean>;
  /** Gives a lease back; the value that was to be replaced stays. */
  release(lease: Lease): Promise<void>;
  /** @returns false when the lease is gone */
  renew(lease: Lease): Promise<boolean>;
  invalidate(what: Invalidation): Promise<void>;
  /**
   * Starts to listen, and to prove at least every `everyMs` that nothing is missed.
   * A store without it is never proven to be up to date.
   * @returns a function that ends it
   */
  subscribe?(listener: InvalidationListener, everyMs: number): () => void;
}

export interface Lease extends EntryAddress {
  readonly token: string;
  /** The value is a write, not a load: other processes may hold an older one and are told. */
  readonly notify?: boolean;
}
