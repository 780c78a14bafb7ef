import { systemClock } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { Definition } from "../../definition/definition.js";
import { doorDefinition, MAX_TTL } from "../adapter-definition.js";
import { nextCodec } from "./codec.js";
import { handlerOptions, type NextHandlerOptions } from "./options.js";
import { ALL, isOvertaken, revalidate, revalidationsOf, tagOf } from "./tags.js";

export interface NextPageHandlerOptions extends NextHandlerOptions {
  /**
   * Keeps the pages of each build apart: those of another name other scripts. Fetches are for all builds.
   * @default "", one for all
   */
  readonly buildId?: string;
}

/** A page, route or response as Next gives it, or takes it. */
export interface NextValue {
  readonly kind: string;
  readonly headers?: unknown;
  readonly tags?: readonly string[];
}

export interface NextCacheControl {
  readonly revalidate: number | false;
  readonly expire: number | undefined;
}

/** What Next says when it reads. */
export interface NextGetContext {
  readonly kind: string;
  readonly tags?: readonly string[];
  readonly softTags?: readonly string[];
}

/** What Next says when it writes. */
export interface NextSetContext {
  readonly fetchCache?: boolean;
  readonly tags?: readonly string[];
  readonly cacheControl?: NextCacheControl;
}

export interface NextFound {
  readonly lastModified: number;
  readonly value: NextValue | null;
  readonly cacheControl?: NextCacheControl;
}

/** The `CacheHandler` of Next 16, as far as it asks for one. */
export interface NextCacheHandler {
  get(key: string, context: NextGetContext): Promise<NextFound | null>;
  set(key: string, value: NextValue | null, context: NextSetContext): Promise<void>;
  revalidateTag(tags: string | readonly string[], durations?: { readonly expire?: number }): Promise<void>;
  resetRequestCache(): void;
}

interface At {
  readonly isFetch: boolean;
  readonly buildId: string;
  readonly key: string;
}

interface Page extends NextFound {
  readonly tags: readonly string[];
}

const pages: Definition<At, Page> = doorDefinition<At, Page>({
  name: "next",
  key: ({ isFetch, buildId, key }) => (isFetch ? ["fetch", key] : ["page", buildId, key]),
  ttl: MAX_TTL,
  format: { codec: nextCodec },
  tags: ({ tags }) => [ALL, ...tags.map(tagOf)],
  load() {
    throw new TypeError("Next loads by itself");
  },
});

const schema = handlerOptions.extend({ buildId: z.string().default("") });

const TAGS_HEADER = "x-next-cache-tags";

/**
 * The class for `cacheHandler` in `next.config`: pages, routes, images and fetches, shared by all processes. When Redis
 * does not answer in time there is nothing in it, and Next renders.
 * What `revalidateTag` ends is gone at once, also when Next asks to serve it stale a while longer.
 */
export function nextCacheHandler(options: NextPageHandlerOptions): new (context?: unknown) => NextCacheHandler {
  const { tenant, keep: keepMs, buildId, clock = systemClock } = parseOptions(schema, options, "nextCacheHandler");

  return class implements NextCacheHandler {
    async get(key: string, context: NextGetContext): Promise<NextFound | null> {
      const isFetch = context.kind === "FETCH";
      const { tags = [], softTags = [] } = context;
      const revalidations = isFetch ? await revalidationsOf(tenant, [...tags, ...softTags]) : [];
      const found = await tenant.getIfPresent(pages, { isFetch, buildId, key });
      if (found === undefined || isOvertaken(found.ageMs, revalidations)) return null;
      return copyOf(found.value);
    }

    async set(key: string, value: NextValue | null, context: NextSetContext): Promise<void> {
      const isFetch = context.fetchCache === true;
      const params = { isFetch, buildId, key };
      // Next takes a fetch without a value for a mistake of ours.
      if (isFetch && value === null) return void (await tenant.invalidate(pages, params));
      const { cacheControl } = context;
      const page: Page = {
        lastModified: clock.now(),
        value,
        tags: tagsOf(value, context),
        ...(cacheControl !== undefined && { cacheControl }),
      };
      const expireMs = (cacheControl?.expire ?? Number.POSITIVE_INFINITY) * 1000;
      await tenant.set(pages, { params, value: page, ttl: Math.max(1, Math.min(expireMs, keepMs)) });
    }

    async revalidateTag(tags: string | readonly string[]): Promise<void> {
      await revalidate(tenant, typeof tags === "string" ? [tags] : tags);
    }

    /** Nothing is kept for one request. */
    resetRequestCache(): void {}
  };
}

/** Of a page they stand in a header, of a fetch beside it. */
function tagsOf(value: NextValue | null, { tags = [] }: NextSetContext): readonly string[] {
  const headers: unknown = value?.headers;
  const header: unknown =
    typeof headers === "object" && headers !== null ? (headers as Record<string, unknown>)[TAGS_HEADER] : undefined;
  const all = [...tags, ...(value?.tags ?? []), ...(typeof header === "string" ? header.split(",") : [])];
  return [...new Set(all.filter((tag) => tag !== ""))];
}

/** Memory gives everybody the same object, and Next takes headers out of it. */
function copyOf({ lastModified, value, cacheControl }: Page): NextFound {
  const headers: unknown = value?.headers;
  const isCopied = value !== null && typeof headers === "object" && headers !== null;
  return {
    lastModified,
    value: isCopied ? { ...value, headers: { ...headers } } : value,
    ...(cacheControl !== undefined && { cacheControl }),
  };
}
