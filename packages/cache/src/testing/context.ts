import { afterEach, beforeEach } from "vitest";
import type { CacheStore, EntryContent, ReadResult, Invalidation, Lease, EntryAddress } from "../store.js";

/** Makes two stores that share their entries, as two processes have them, and nothing with any others. */
export type CreateStores = () => CreatedStores | Promise<CreatedStores>;

export interface CreatedStores {
  /** With leases that end by themselves within two seconds. */
  readonly stores: readonly [CacheStore, CacheStore];
  close?(): void | Promise<void>;
}

export interface Context {
  readonly one: CacheStore;
  readonly two: CacheStore;
}

export function freshStores(create: CreateStores): Context {
  let made: CreatedStores | undefined;
  beforeEach(async () => {
    made = await create();
  });
  afterEach(async () => {
    await made?.close?.();
    made = undefined;
  });
  const at = (index: 0 | 1): CacheStore => {
    if (made === undefined) throw new Error("there are stores only while a test runs");
    return made.stores[index];
  };
  return {
    get one() {
      return at(0);
    },
    get two() {
      return at(1);
    },
  };
}

export const at = (key: string, tenantId = "acme"): EntryAddress => ({ tenantId, key: `row:${key}` });

export const content = (text: string, more: Partial<EntryContent> = {}): EntryContent => ({
  ...{ text, freshMs: 60_000, usableMs: 120_000, tags: [] },
  ...more,
});

export const ended = (what: Partial<Invalidation>, tenantId = "acme"): Invalidation => ({
  ...{ tenantId, keys: [], tags: [], all: false },
  ...what,
});

/** The lease of an entry that is not there. */
export async function lease(store: CacheStore, place: EntryAddress): Promise<Lease> {
  const found = await store.read(place);
  if (found.is !== "leased") throw new Error(`expected the lease of ${place.key}, got ${found.is}`);
  return { ...place, token: found.token };
}

export async function put(store: CacheStore, place: EntryAddress, what: EntryContent): Promise<void> {
  if (!(await store.fillIn(await lease(store, place), what))) throw new Error(`${place.key} was not filled`);
}

/** The text that is there, or what is there in its place. */
export const textOf = (found: ReadResult): string => (found.is === "value" ? found.stored.text : found.is);
