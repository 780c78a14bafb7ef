import type { NextCacheHandler, NextContext, NextValue } from "../src/adapters/next/index.js";

/**
 * Calls a `cacheHandler` as Next 16.4 does, and treats its results in the same way.
 * Source: `IncrementalCache` in next/dist/server/lib/incremental-cache/index.js
 */
export class NextCaller {
  readonly #handler: NextCacheHandler;
  readonly #now: () => number;

  /** Next creates an instance for each request. */
  constructor(Handler: new (context?: unknown) => NextCacheHandler, now: () => number) {
    this.#handler = new Handler({ dev: false, revalidatedTags: [], maxMemoryCacheSize: 0, _requestHeaders: {} });
    this.#now = now;
  }

  async page(key: string): Promise<{ value: NextValue | null; isStale: boolean | -1 } | null> {
    const found = await this.#handler.get(key, { kind: "APP_PAGE" });
    if (found === null) return null;
    const { lastModified, value, cacheControl } = found;
    // As IncrementalCache does: the tags are removed before the page is sent.
    delete (value?.headers as Record<string, unknown> | undefined)?.["x-next-cache-tags"];
    const now = this.#now();
    if (cacheControl?.expire !== undefined && cacheControl.expire * 1000 + lastModified < now)
      return { value, isStale: -1 };
    const { revalidate = 1 } = cacheControl ?? {};
    return { value, isStale: typeof revalidate === "number" && revalidate * 1000 + lastModified < now };
  }

  async setPage(key: string, value: NextValue | null, cacheControl?: NextContext["cacheControl"]): Promise<void> {
    const context: NextContext = { fetchCache: false, ...(cacheControl !== undefined && { cacheControl }) };
    await this.#handler.set(key, value, context);
  }

  async fetch(key: string, softTags: readonly string[] = [], tags: readonly string[] = []): Promise<NextValue | null> {
    const found = await this.#handler.get(key, { kind: "FETCH", tags, softTags });
    if (found === null) return null;
    if (found.value?.kind !== "FETCH") throw new Error("Next: expected a cached value of the kind FETCH");
    return found.value;
  }

  setFetch(key: string, value: NextValue | null, tags: readonly string[] = []): Promise<void> {
    return this.#handler.set(key, value, { fetchCache: true, tags });
  }

  revalidateTag(tags: string | readonly string[], durations?: { readonly expire?: number }): Promise<void> {
    return this.#handler.revalidateTag(tags, durations);
  }
}
