import { systemClock } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import type { Definition } from "../../definition/definition.js";
import { doorDefinition, MAX_TTL } from "../adapter-definition.js";
import { loadFail } from "../../events.js";
import { nextCodec } from "./codec.js";
import { handlerOptions, type NextHandlerOptions } from "./options.js";
import { ALL, isOvertaken, revalidate, revalidationsOf, tagOf } from "./tags.js";

/** What "use cache" keeps. Seconds, but for `timestamp`, which is milliseconds since the epoch. */
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

interface Kept extends Omit<NextUseCacheEntry, "value"> {
  readonly bytes: Uint8Array;
  /** From `timestamp` until it was kept. */
  readonly madeInMs: number;
}

const entries: Definition<string, Kept> = doorDefinition<string, Kept>({
  name: "next-use-cache",
  key: (key) => key,
  ttl: MAX_TTL,
  format: { codec: nextCodec },
  tags: ({ tags }) => [ALL, ...tags.filter((tag) => tag !== "").map(tagOf)],
  load() {
    throw new TypeError("Next loads by itself");
  },
});

/**
 * A handler for `cacheHandlers` in `next.config`: what "use cache" keeps, shared by all processes. When Redis does not
 * answer in time there is nothing in it, and Next renders.
 * What `updateTag` or `revalidateTag` end is gone at once, also when Next asks to serve it stale a while longer.
 */
export function nextUseCacheHandler(options: NextHandlerOptions): NextUseCacheHandler {
  const { tenant, keep: keepMs, clock = systemClock } = parseOptions(handlerOptions, options, "nextUseCacheHandler");
  const pending = new Map<string, Promise<void>>();

  async function save(key: string, pendingEntry: Promise<NextUseCacheEntry>): Promise<void> {
    try {
      const { value, ...rest } = await pendingEntry;
      const bytes = new Uint8Array(await new Response(value).arrayBuffer());
      // Next makes it anew at each read.
      if (rest.expire <= 0) return;
      const revalidations = await revalidationsOf(tenant, rest.tags);
      const madeInMs = Math.max(0, clock.now() - rest.timestamp);
      // Made of what has been revalidated since.
      if (isOvertaken(madeInMs, revalidations)) return;
      const kept = { ...rest, bytes, madeInMs };
      const ttl = Math.max(1, Math.min(rest.expire * 1000, keepMs));
      await tenant.set(entries, { params: key, value: kept, ttl });
    } catch (error) {
      // Of a stream that broke off nothing is kept. Next has its own copy, and nobody waits for this one.
      loadFail.publish(() => ({ tenantId: tenant.tenantId, name: "=next-use-cache", error }));
    }
  }

  return {
    async get(key, softTags) {
      await pending.get(key);
      const revalidations = await revalidationsOf(tenant, softTags);
      const found = await tenant.getIfPresent(entries, key);
      if (found === undefined) return undefined;
      const { bytes, madeInMs, ...rest } = found.value;
      if (isOvertaken(found.ageMs + madeInMs, revalidations)) return undefined;
      return { ...rest, tags: [...rest.tags], value: streamOf(bytes) };
    },
    async set(key, pendingEntry) {
      const saving = save(key, pendingEntry);
      pending.set(key, saving);
      await saving;
      if (pending.get(key) === saving) pending.delete(key);
    },
    // The cache hears of what others invalidate by itself.
    refreshTags: () => Promise.resolve(),
    // To Next: `get` is to be told the tags.
    getExpiration: () => Promise.resolve(Number.POSITIVE_INFINITY),
    updateTags: (tags) => revalidate(tenant, tags),
  };
}

function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      // A copy: who reads it may hand its memory on.
      controller.enqueue(bytes.slice());
      controller.close();
    },
  });
}
