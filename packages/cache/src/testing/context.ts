import { afterEach, beforeEach } from "vitest";
import type { CacheStore, EntryAddress, EntryContent, Invalidation, Lease, ReadResult } from "../store.js";

/** Two stores that share their entries, as two processes do, and share nothing with any other store. */
export interface CreatedStores {
  /** Their leases must expire within two seconds. */
  readonly stores: readonly [CacheStore, CacheStore];
  close?(): void | Promise<void>;
}

/** The two stores of the running test. */
export interface StoreFixture {
  readonly one: CacheStore;
  readonly two: CacheStore;
}

/** Creates two stores for each test of the suite around the call, and closes them after it. */
export function freshStores(create: () => CreatedStores | Promise<CreatedStores>): StoreFixture {
  let created: CreatedStores | undefined;
  beforeEach(async () => {
    created = await create();
  });
  afterEach(async () => {
    await created?.close?.();
    created = undefined;
  });
  const storeAt = (index: 0 | 1): CacheStore => {
    if (created === undefined) throw new Error("expected a running test, the stores exist only while one runs");
    return created.stores[index];
  };
  return {
    get one() {
      return storeAt(0);
    },
    get two() {
      return storeAt(1);
    },
  };
}

/** The address of an entry of a tenant. */
export const at = (key: string, tenantId = "acme"): EntryAddress => ({ tenantId, key: `row:${key}` });

/** An entry without tags that is fresh for a minute, and usable for two. */
export const content = (text: string, more: Partial<EntryContent> = {}): EntryContent => ({
  ...{ text, freshMs: 60_000, usableMs: 120_000, tags: [] },
  ...more,
});

/** An invalidation of nothing but what is given. */
export const invalidation = (what: Partial<Invalidation>, tenantId = "acme"): Invalidation => ({
  ...{ tenantId, keys: [], tags: [], all: false },
  ...what,
});

/** Takes the lease of a missing entry. */
export async function lease(store: CacheStore, address: EntryAddress): Promise<Lease> {
  const found = await store.read(address);
  if (found.is !== "leased") throw new Error(`expected the lease of ${address.key}, got ${found.is}`);
  return { ...address, token: found.token };
}

/** Claims the lease of an entry that may have a value. */
export async function claim(
  store: CacheStore,
  address: EntryAddress,
  reason: Parameters<CacheStore["claim"]>[1] = { to: "write", version: undefined },
): Promise<Lease> {
  const claimed = await store.claim(address, reason);
  if (claimed.is !== "leased") throw new Error(`expected the lease of ${address.key}, got ${claimed.is}`);
  return { ...address, token: claimed.token };
}

/** Fills a missing entry. */
export async function put(store: CacheStore, address: EntryAddress, what: EntryContent): Promise<void> {
  if (!(await store.fillIn(await lease(store, address), what))) throw new Error(`${address.key} was not filled`);
}

/** The text of the value that was read, or else the kind of the result. */
export const textOf = (found: ReadResult): string => (found.is === "value" ? found.stored.text : found.is);
