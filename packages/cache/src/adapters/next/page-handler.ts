import { systemClock } from "@scale/core";
import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { adapterDefinition, MAX_TTL } from "../adapter-definition.js";
import { nextCodec } from "./codec.js";
import { handlerOptions, type NextHandlerOptions } from "./options.js";
import { ALL, isOvertaken, revalidate, revalidationsOf, tagOf } from "./tags.js";

export interface NextPageHandlerOptions extends NextHandlerOptions {
  /**
   * Id of the deployment. Pages of two builds are kept apart, because they load different scripts. All builds share fetches.
   * @default "", one for all builds
   */
  readonly buildId?: string;
}

/** A page, route or response in the format of Next. */
export interface NextValue {
  readonly kind: string;
  readonly headers?: unknown;
  readonly tags?: readonly string[];
}

export interface NextFound {
  readonly lastModified: number;
  readonly value: NextValue | null;
  readonly cacheControl?: { readonly revalidate: number | false; readonly expire: number | undefined };
}

/** The context that Next passes with a read (`kind`, `softTags`) or a write (`fetchCache`, `cacheControl`). */
export interface NextContext extends Pick<NextFound, "cacheControl"> {
  readonly kind?: string;
  readonly tags?: readonly string[];
  readonly softTags?: readonly string[];
  readonly fetchCache?: boolean;
}

/** The part of Next 16's `CacheHandler` that Next calls. */
export interface NextCacheHandler {
  get(key: string, context: NextContext): Promise<NextFound | null>;
  set(key: string, value: NextValue | null, context: NextContext): Promise<void>;
  revalidateTag(tags: string | readonly string[], durations?: { readonly expire?: number }): Promise<void>;
  resetRequestCache(): void;
}

interface Page extends NextFound {
  readonly tags: readonly string[];
}

const pages = adapterDefinition<{ readonly isFetch: boolean; readonly buildId: string; readonly key: string }, Page>({
  name: "next",
  key: ({ isFetch, buildId, key }) => (isFetch ? ["fetch", key] : ["page", buildId, key]),
  ttl: MAX_TTL,
  format: { codec: nextCodec },
  tags: ({ tags }) => [ALL, ...tags.map(tagOf)],
  load() {
    throw new TypeError("Next loads its values itself");
  },
});

const schema = handlerOptions.extend({ buildId: z.string().default("") });

const TAGS_HEADER = "x-next-cache-tags";

/**
 * The class for `cacheHandler` in `next.config`: pages, routes, images and fetches, shared by all processes. If Redis does
 * not answer in time, a read is a miss and Next renders.
 * `revalidateTag` removes entries immediately, also when Next asks to serve them stale for a while.
 */
export function nextCacheHandler(options: NextPageHandlerOptions): new (context?: unknown) => NextCacheHandler {
  const { tenant, keep: keepMs, buildId, clock = systemClock } = parseOptions(schema, options, "nextCacheHandler");

  return class implements NextCacheHandler {
    async get(key: string, context: NextContext): Promise<NextFound | null> {
      const isFetch = context.kind === "FETCH";
      const { tags = [], softTags = [] } = context;
      const revalidations = isFetch ? await revalidationsOf(tenant, [...tags, ...softTags]) : [];
      const found = await tenant.getIfPresent(pages, { isFetch, buildId, key });
      if (found === undefined || isOvertaken(found.ageMs, revalidations)) return null;
      return copyOf(found.value);
    }

    async set(key: string, value: NextValue | null, context: NextContext): Promise<void> {
      const isFetch = context.fetchCache === true;
      const params = { isFetch, buildId, key };
      // Next treats a fetch without a value as an error of the handler.
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

    /** The handler stores nothing per request. */
    resetRequestCache(): void {}
  };
}

/** Next passes the tags of a page in a header, and those of a fetch in the context. */
function tagsOf(value: NextValue | null, { tags = [] }: NextContext): readonly string[] {
  const headers: unknown = value?.headers;
  const header: unknown =
    typeof headers === "object" && headers !== null ? (headers as Record<string, unknown>)[TAGS_HEADER] : undefined;
  const all = [...tags, ...(value?.tags ?? []), ...(typeof header === "string" ? header.split(",") : [])];
  return [...new Set(all.filter((tag) => tag !== ""))];
}

/** All readers of memory get the same object, and Next removes headers from it. */
function copyOf({ lastModified, value, cacheControl }: Page): NextFound {
  const headers: unknown = value?.headers;
  const isCopied = value !== null && typeof headers === "object" && headers !== null;
  return {
    lastModified,
    value: isCopied ? { ...value, headers: { ...headers } } : value,
    ...(cacheControl !== undefined && { cacheControl }),
  };
}
