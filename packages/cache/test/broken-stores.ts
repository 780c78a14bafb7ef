import type { CacheStore, EntryAddress, InvalidationListener, ReadListener, StoredEntry } from "../src/store.js";
import { modelStores } from "./model-store.js";

interface BrokenStore {
  /** Title of a test of the contract that must fail. */
  readonly fails: string;
  create(): [CacheStore, CacheStore];
}

type Change = (store: CacheStore) => Partial<CacheStore>;

const both = (change: Change, [one, two] = modelStores()): [CacheStore, CacheStore] => [
  { ...one, ...change(one) },
  { ...two, ...change(two) },
];

const broken = (fails: string, change: Change): BrokenStore => ({ fails, create: () => both(change) });

const withoutAge = (stored: StoredEntry): StoredEntry => ({ ...stored, ageMs: 0 });

const readTo =
  (to: (store: CacheStore, address: EntryAddress, listener: ReadListener) => void): Change =>
  (store) => ({
    read: Object.assign((address: EntryAddress) => store.read(address), { to: to.bind(undefined, store) }),
  });

const LISTENER = "calls the listener of `read.to` once, after it has returned, with the result of a read";
const SENT =
  "sends invalidations and writes, but no loads, to every subscriber in their order, with the id of the cache that sends them";

/** Stores with one fault each. */
export const brokenStores: Readonly<Record<string, BrokenStore>> = {
  "keeps values for ever": broken("forgets a value after its `usableMs`", (store) => ({
    fillIn: (lease, content) => store.fillIn(lease, { ...content, usableMs: 1e9 }),
  })),
  "keeps leases for ever": {
    fails: "expires a lease that is not renewed, and keeps one that is",
    create: () => both(() => ({ leaseMs: 100 }), modelStores(1e9)),
  },
  "returns 0 as every age": broken("returns the age of a value, while it is fresh and while it is stale", (store) => ({
    async read(address) {
      const found = await store.read(address);
      return found.is === "value" ? { is: "value", stored: withoutAge(found.stored) } : found;
    },
    async readWithoutLease(address) {
      const stored = await store.readWithoutLease(address);
      return stored === undefined ? undefined : withoutAge(stored);
    },
  })),
  "reads a value without a lease after its writer died": broken(
    "reads a value without a lease while it is replaced, until its lease has ended",
    (store) => ({
      async readWithoutLease(address) {
        const found = await store.read(address);
        if (found.is === "leased") await store.release({ ...address, token: found.token });
        return found.is === "value" ? found.stored : found.old;
      },
    }),
  ),
  "ignores notify": broken(SENT, (store) => ({
    fillIn: ({ notify: _notify, ...lease }, content) => store.fillIn(lease, content),
  })),
  "notifies of loads": broken(SENT, (store) => ({
    fillIn: (lease, content) => store.fillIn({ ...lease, notify: "one" }, content),
  })),
  "drops the id of the cache that invalidates": broken(SENT, (store) => ({
    invalidate: ({ from: _from, ...what }) => store.invalidate(what),
  })),
  "confirms the future": broken(
    "confirms repeatedly that all earlier invalidations were delivered, until it is stopped",
    (store) => ({
      subscribe(listener, everyMs) {
        const early: InvalidationListener = {
          invalidated: (invalidation) => listener.invalidated(invalidation),
          confirmed: (atMs) => listener.confirmed(atMs + 5),
          lost: () => listener.lost(),
        };
        return store.subscribe?.(early, everyMs) ?? (() => undefined);
      },
    }),
  ),
  "throws in read.to": broken(
    LISTENER,
    readTo(() => {
      throw new Error("no connection");
    }),
  ),
  "calls the listener of read.to at once": broken(
    LISTENER,
    readTo((_store, _address, { found }) => found({ is: "busy", old: undefined })),
  ),
  "calls the listener of read.to twice": broken(
    LISTENER,
    readTo((store, address, listener) => {
      for (const _ of [1, 2]) store.read.to?.(address, listener);
    }),
  ),
};
