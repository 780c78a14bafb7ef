import { systemClock } from "@scale/core";
import type {
  CacheStore,
  EntryAddress,
  Invalidation,
  InvalidationListener,
  ReadListener,
  ReadResult,
  StoredEntry,
} from "../src/store.js";

interface Value extends Omit<StoredEntry, "ageMs"> {
  readonly filledAt: number;
  readonly version: number;
}

interface ModelEntry {
  value?: Value | undefined;
  lease?: { readonly token: string; readonly version: number; readonly takenAt: number; endsAt: number } | undefined;
}

interface Shared {
  readonly entries: Map<string, ModelEntry>;
  /** Number of invalidations at the last one of a tag. */
  readonly tags: Map<string, number>;
  readonly listeners: Map<InvalidationListener, CacheStore>;
  invalidations: number;
  tokens: number;
}

const idOf = (tenantId: string, name: string): string => JSON.stringify([tenantId, name]);

/** Two stores over the same plain maps: the reference for every store. */
export function modelStores(leaseMs = 100): [CacheStore, CacheStore] {
  const shared: Shared = { entries: new Map(), tags: new Map(), listeners: new Map(), invalidations: 0, tokens: 0 };
  return [modelStore(shared, leaseMs), modelStore(shared, leaseMs)];
}

function modelStore(shared: Shared, leaseMs: number): CacheStore {
  const now = (): number => systemClock.monotonic();

  function entryAt({ tenantId, key }: EntryAddress): ModelEntry {
    const id = idOf(tenantId, key);
    const entry = shared.entries.get(id) ?? {};
    shared.entries.set(id, entry);
    const { value, lease } = entry;
    if (value !== undefined && now() - value.filledAt >= value.usableMs) entry.value = undefined;
    if (lease !== undefined && now() >= lease.endsAt && entry.value === undefined) entry.lease = undefined;
    return entry;
  }

  function storedOf({ value }: ModelEntry): StoredEntry | undefined {
    if (value === undefined) return undefined;
    const { text, freshMs, usableMs, tags, filledAt } = value;
    return { text, freshMs, usableMs, tags, ageMs: now() - filledAt };
  }

  const isLeased = ({ lease }: ModelEntry): boolean => lease !== undefined && now() < lease.endsAt;

  function takeLease(entry: ModelEntry, version: number): string {
    const token = `${shared.tokens++}`;
    entry.lease = { token, version, takenAt: shared.invalidations, endsAt: now() + leaseMs };
    return token;
  }

  function deliver(invalidation: Invalidation): void {
    for (const listener of shared.listeners.keys()) listener.invalidated(invalidation);
  }

  async function read(address: EntryAddress): Promise<ReadResult> {
    const entry = entryAt(address);
    const stored = storedOf(entry);
    if (isLeased(entry)) return { is: "busy", old: stored };
    if (stored !== undefined && entry.lease === undefined) return { is: "value", stored };
    return { is: "leased", token: takeLease(entry, entry.lease?.version ?? -Infinity), old: stored };
  }

  const store: CacheStore = {
    leaseMs,
    read: Object.assign(read, {
      to: (address: EntryAddress, { found, failed }: ReadListener) => void read(address).then(found, failed),
    }),
    async readWithoutLease(address) {
      const entry = entryAt(address);
      return entry.lease === undefined || isLeased(entry) ? storedOf(entry) : undefined;
    },
    async claim(address, reason) {
      const entry = entryAt(address);
      const known = Math.max(entry.value?.version ?? -Infinity, entry.lease?.version ?? -Infinity);
      if (reason.to === "refresh") {
        return isLeased(entry) ? { is: "busy" } : { is: "leased", token: takeLease(entry, known) };
      }
      const version = reason.version ?? known;
      if (version < known) return { is: "older" };
      return { is: "leased", token: takeLease(entry, version) };
    },
    async fillIn({ tenantId, key, token, notify }, content) {
      const entry = entryAt({ tenantId, key });
      const { lease } = entry;
      if (lease?.token !== token) return false;
      entry.lease = undefined;
      if (content.tags.some((tag) => (shared.tags.get(idOf(tenantId, tag)) ?? 0) > lease.takenAt)) return false;
      entry.value = { ...content, filledAt: now(), version: lease.version };
      if (notify !== undefined) deliver({ tenantId, keys: [key], tags: [], all: false, from: notify });
      return true;
    },
    async release({ token, ...address }) {
      const entry = entryAt(address);
      if (entry.lease?.token === token) entry.lease = undefined;
    },
    async renew({ token, ...address }) {
      const { lease } = entryAt(address);
      if (lease?.token !== token) return false;
      lease.endsAt = now() + leaseMs;
      return true;
    },
    async invalidate(invalidation) {
      const { tenantId, keys, tags, all } = invalidation;
      shared.invalidations++;
      for (const tag of tags) shared.tags.set(idOf(tenantId, tag), shared.invalidations);
      for (const [id, { value }] of shared.entries) {
        const [owner, key] = JSON.parse(id) as [string, string];
        const isHit = all || keys.includes(key);
        if (owner !== tenantId) continue;
        if (isHit) shared.entries.delete(id);
        else if (value?.tags.some((tag) => tags.includes(tag)) === true) entryAt({ tenantId, key }).value = undefined;
      }
      deliver(invalidation);
    },
    subscribe(listener, everyMs) {
      let timer: NodeJS.Timeout | undefined;
      const confirm = (): void => {
        listener.confirmed(now());
        timer = setTimeout(confirm, everyMs);
      };
      shared.listeners.set(listener, store);
      timer = setTimeout(confirm, everyMs);
      return () => {
        clearTimeout(timer);
        shared.listeners.delete(listener);
      };
    },
  };
  return store;
}
