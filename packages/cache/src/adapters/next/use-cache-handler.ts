import { systemClock } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import type { Definition } from "../../definition/definition.js";
import { adapterDefinition, MAX_TTL } from "../adapter-definition.js";
import { loadFail } from "../../events.js";
import { nextCodec } from "./codec.js";
import { handlerOptions, type NextHandlerOptions } from "./options.js";
import { ALL, isOvertaken, revalidate, revalidationsOf, tagOf } from "./tags.js";

/** An entry of "use cache". Times are seconds, except `timestamp`, which is milliseconds since the epoch. */
export interface NextUseCacheEntry {
  readonly value: ReadableStream<Uint8Array>;
  readonly tags: string[];
  readonly stale: number;
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}

/** The handler of `cacheHandlers` in Next 16. */
export interface NextUseCacheHandler {
  get(key: string, softTags: readonly string[]): Promise<NextUseCacheEntry | undefined>;
  set(key: string, pendingEntry: Promise<NextUseCacheEntry>): Promise<void>;
  refreshTags(): Promise<void>;
  getExpiration(tags: readonly string[]): Promise<number>;
  updateTags(tags: readonly string[], durations?: { readonly expire?: number }): Promise<void>;
}

interface StoredUseCacheEntry extends Omit<NextUseCacheEntry, "value"> {
  readonly bytes: Uint8Array;
  /** Milliseconds from `timestamp` until the entry was stored. */
  readonly ageWhenStoredMs: number;
}

const entries: Definition<string, StoredUseCacheEntry> = adapterDefinition<string, StoredUseCacheEntry>({
  name: "next-use-cache",
  key: (key) => key,
  ttl: MAX_TTL,
  format: { codec: nextCodec },
  tags: ({ tags }) => [ALL, ...tags.filter((tag) => tag !== "").map(tagOf)],
  load() {
    throw new TypeError("Next loads its values itself");
  },
});

/**
 * A handler for `cacheHandlers` in `next.config`: the entries of "use cache", shared by all processes. If Redis does not answer
 * in time, a read is a miss and Next renders.
 * `updateTag` and `revalidateTag` remove entries immediately, also when Next asks to serve them stale for a while.
 */
export function nextUseCacheHandler(options: NextHandlerOptions): NextUseCacheHandler {
  const { tenant, keep: keepMs, clock = systemClock } = parseOptions(handlerOptions, options, "nextUseCacheHandler");
  const pending = new Map<string, Promise<void>>();

  async function save(key: string, pendingEntry: Promise<NextUseCacheEntry>): Promise<void> {
    try {
      const { value: stream, ...rest } = await pendingEntry;
      const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
      // Next renders such an entry at each read.
      if (rest.expire <= 0) return;
      const revalidations = await revalidationsOf(tenant, rest.tags);
      const ageWhenStoredMs = Math.max(0, clock.now() - rest.timestamp);
      // One of its tags was revalidated while it was rendered.
      if (isOvertaken(ageWhenStoredMs, revalidations)) return;
      const value: StoredUseCacheEntry = { ...rest, bytes, ageWhenStoredMs };
      const ttl = Math.max(1, Math.min(rest.expire * 1000, keepMs));
      await tenant.set(entries, { params: key, value, ttl });
    } catch (error) {
      // An incomplete stream is not stored. Next has its own copy, so no request fails for it.
      loadFail.publish(() => ({ tenantId: tenant.tenantId, name: "=next-use-cache", error }));
    }
  }

  return {
    async get(key, softTags) {
      await pending.get(key);
      const revalidations = await revalidationsOf(tenant, softTags);
      const found = await tenant.getIfPresent(entries, key);
      if (found === undefined) return undefined;
      const { bytes, ageWhenStoredMs, ...rest } = found.value;
      if (isOvertaken(found.ageMs + ageWhenStoredMs, revalidations)) return undefined;
      // A copy, because the reader of a stream may transfer its memory.
      return { ...rest, tags: [...rest.tags], value: ReadableStream.from([bytes.slice()]) };
    },
    async set(key, pendingEntry) {
      const saving = save(key, pendingEntry);
      pending.set(key, saving);
      await saving;
      if (pending.get(key) === saving) pending.delete(key);
    },
    // The cache hears of invalidations by other processes itself.
    refreshTags: () => Promise.resolve(),
    // Infinity makes Next pass the tags to `get`.
    getExpiration: () => Promise.resolve(Number.POSITIVE_INFINITY),
    updateTags: (tags) => revalidate(tenant, tags),
  };
}
