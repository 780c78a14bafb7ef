import type { Clock } from "@scale/core";
import { invalidationQueue, storeFail } from "../events.js";
import type { CacheStore, Invalidation } from "../store.js";

/** Invalidations that did not reach the store, kept until they do. */
export interface Journal {
  /** @returns false when there was no room */
  add(what: Invalidation): boolean;
  has(tenantId: string): boolean;
  /**
   * Repeats what the tenant has left.
   * @returns true when nothing is left: only then may the store be read for the tenant
   */
  flush(tenantId: string): Promise<boolean>;
  /** Invalidations that are kept. */
  size(): number;
  close(): void;
}

interface Kept {
  readonly keys: Set<string>;
  readonly tags: Set<string>;
  all: boolean;
}

/** More than this of one tenant become one: that all it has is invalid. */
const MAX_PER_TENANT = 1000;
const MAX_TENANTS = 10_000;
const RETRY_MS = 250;
/** Tenants that are repeated together. */
const TOGETHER = 50;

export function createJournal(store: CacheStore, clock: Clock): Journal {
  const kept = new Map<string, Kept>();
  const running = new Map<string, Promise<boolean>>();
  let timer: NodeJS.Timeout | undefined;
  let refusedUntil = -Infinity;

  function add(what: Invalidation): boolean {
    let own = kept.get(what.tenantId);
    const fits = own !== undefined || kept.size < MAX_TENANTS;
    if (own === undefined && fits) kept.set(what.tenantId, (own = { keys: new Set(), tags: new Set(), all: false }));
    if (own !== undefined) merge(own, what);
    timer ??= setTimeout(retry, RETRY_MS).unref();
    invalidationQueue.publish(() => ({ tenantId: what.tenantId, kept: fits }));
    return fits;
  }

  async function send(tenantId: string): Promise<boolean> {
    const own = kept.get(tenantId);
    if (own === undefined) return true;
    // What is added meanwhile must not be taken for sent.
    kept.delete(tenantId);
    try {
      await store.invalidate({ tenantId, keys: [...own.keys], tags: [...own.tags], all: own.all });
      return !kept.has(tenantId);
    } catch (error) {
      storeFail.publish(() => ({ tenantId, operation: "invalidate", error }));
      restore(tenantId, own);
      refusedUntil = clock.monotonic() + RETRY_MS;
      return false;
    }
  }

  function restore(tenantId: string, own: Kept): void {
    const added = kept.get(tenantId);
    if (added !== undefined) merge(own, { tenantId, keys: [...added.keys], tags: [...added.tags], all: added.all });
    kept.set(tenantId, own);
  }

  function flush(tenantId: string): Promise<boolean> {
    const current = running.get(tenantId);
    if (current !== undefined) return current;
    const run = send(tenantId).finally(() => running.delete(tenantId));
    running.set(tenantId, run);
    return run;
  }

  function retry(): void {
    const some = [...kept.keys()].slice(0, TOGETHER);
    const again = (): void => {
      timer = kept.size > 0 ? setTimeout(retry, kept.size > some.length ? 1 : RETRY_MS).unref() : undefined;
    };
    // None rejects: what failed is kept.
    Promise.all(some.map(flush)).then(again, again);
  }

  return {
    add,
    has: (tenantId) => kept.has(tenantId) || running.has(tenantId),
    // A reader must not wait for a store that has just refused.
    flush: (tenantId) => (clock.monotonic() < refusedUntil ? Promise.resolve(false) : flush(tenantId)),
    size: () => [...kept.values()].reduce((sum, { keys, tags, all }) => sum + keys.size + tags.size + Number(all), 0),
    close: () => clearTimeout(timer),
  };
}

function merge(own: Kept, { keys, tags, all }: Invalidation): void {
  for (const key of keys) own.keys.add(key);
  for (const tag of tags) own.tags.add(tag);
  own.all ||= all || own.keys.size + own.tags.size > MAX_PER_TENANT;
  if (!own.all) return;
  own.keys.clear();
  own.tags.clear();
}
