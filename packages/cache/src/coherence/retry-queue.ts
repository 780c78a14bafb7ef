import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { invalidationQueue, storeFail } from "../events.js";
import type { CacheStore, Invalidation } from "../store.js";

/** Invalidations that did not reach the store. They are retried until they do. */
export interface InvalidationRetryQueue {
  /** @returns false when the queue is full */
  add(invalidation: Invalidation): boolean;
  has(tenantId: string): boolean;
  /**
   * Retries the invalidations of the tenant.
   * @returns true when none is left: only then may the store be read for the tenant
   */
  flush(tenantId: string): Promise<boolean>;
  /** Number of queued invalidations. */
  size(): number;
  close(): void;
}

interface Queued {
  readonly keys: Set<string>;
  readonly tags: Set<string>;
  all: boolean;
}

/** More invalidations than this of one tenant are merged into one that clears the tenant. */
const MAX_PER_TENANT = 1000;
const MAX_TENANTS = 10_000;
const RETRY_MS = 250;
/** Number of tenants that are retried together. */
const TENANTS_PER_RETRY = 50;

interface RetryQueueOptions {
  readonly clock: Clock;
  /** Id of the cache that invalidates. */
  readonly from: string;
}

export function createRetryQueue(store: CacheStore, { clock, from }: RetryQueueOptions): InvalidationRetryQueue {
  const queue = new Map<string, Queued>();
  const running = new Map<string, Promise<boolean>>();
  let timer: NodeJS.Timeout | undefined;
  let backOffUntil = -Infinity;

  function add(invalidation: Invalidation): boolean {
    const { tenantId } = invalidation;
    const fits = queue.has(tenantId) || queue.size < MAX_TENANTS;
    if (fits) enqueue(queue, tenantId, invalidation);
    timer ??= inRootContext(() => setTimeout(retry, RETRY_MS).unref());
    invalidationQueue.publish(() => ({ tenantId, kept: fits }));
    return fits;
  }

  async function send(tenantId: string): Promise<boolean> {
    const queued = queue.get(tenantId);
    if (queued === undefined) return true;
    // Removed first: an invalidation that is added while this call runs must not count as sent.
    queue.delete(tenantId);
    try {
      await store.invalidate({ tenantId, keys: [...queued.keys], tags: [...queued.tags], all: queued.all, from });
      return !queue.has(tenantId);
    } catch (error) {
      storeFail.publish(() => ({ tenantId, operation: "invalidate", error }));
      const added = queue.get(tenantId);
      queue.set(tenantId, queued);
      if (added !== undefined) enqueue(queue, tenantId, added);
      backOffUntil = clock.monotonic() + RETRY_MS;
      return false;
    }
  }

  function flush(tenantId: string): Promise<boolean> {
    const current = running.get(tenantId);
    if (current !== undefined) return current;
    const run = send(tenantId).finally(() => running.delete(tenantId));
    running.set(tenantId, run);
    return run;
  }

  function retry(): void {
    const batch = [...queue.keys()].slice(0, TENANTS_PER_RETRY);
    // No flush rejects: a failed one stays in the queue.
    void Promise.all(batch.map(flush)).then(() => {
      timer = queue.size > 0 ? setTimeout(retry, queue.size > batch.length ? 1 : RETRY_MS).unref() : undefined;
    });
  }

  return {
    add,
    has: (tenantId) => queue.has(tenantId) || running.has(tenantId),
    // A reader must not wait for a store that has just failed.
    flush: (tenantId) => (clock.monotonic() < backOffUntil ? Promise.resolve(false) : flush(tenantId)),
    size: () => [...queue.values()].reduce((sum, { keys, tags, all }) => sum + keys.size + tags.size + Number(all), 0),
    close: () => clearTimeout(timer),
  };
}

function enqueue(queue: Map<string, Queued>, tenantId: string, { keys, tags, all }: Invalidation | Queued): void {
  const queued = queue.get(tenantId) ?? { keys: new Set(), tags: new Set(), all: false };
  queue.set(tenantId, queued);
  for (const key of keys) queued.keys.add(key);
  for (const tag of tags) queued.tags.add(tag);
  queued.all ||= all || queued.keys.size + queued.tags.size > MAX_PER_TENANT;
  if (!queued.all) return;
  queued.keys.clear();
  queued.tags.clear();
}
