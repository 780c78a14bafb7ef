import type { Duration } from "@scale/core";
import type { Definition } from "../../definition/definition.js";
import { doorDefinition, MAX_TTL } from "../adapter-definition.js";
import type { TenantCache } from "../../tenant-cache.js";

/** Whether a tag was revalidated while this can be known. The age of the entry says when. */
interface State {
  readonly isRevalidated: boolean;
}

/**
 * Of the tags that an entry was read with and does not carry itself: Next tells the tags of the page that asks only when
 * it reads. What carries a tag is ended by the cache.
 */
const states: Definition<string, State> = doorDefinition<string, State>({
  name: "next-tag",
  key: (tag) => tag,
  ttl: MAX_TTL,
  load(_tag, context) {
    context.ttl(UNKNOWN_TTL);
    return { isRevalidated: false };
  },
});

/** How long it is remembered that nothing is known of a tag: for that long nobody asks Redis for it. */
const UNKNOWN_TTL: Duration = "10m";
/** Ages come over the network: what is closer together than this counts as overtaken. */
const MARGIN_MS = 10;

/** All entries of Next, for when it cannot be said which. */
export const ALL = "=next";

/** @returns the ages of the tags' revalidations, of those that are known */
export async function revalidationsOf(tenant: TenantCache, tags: readonly string[]): Promise<readonly number[]> {
  const found = await Promise.all([...new Set(tags)].map((tag) => tenant.getWithInfo(states, tag)));
  return found.filter(({ value }) => value.isRevalidated).map(({ ageMs }) => ageMs);
}

/** @param bornMs since the entry was made; asked after the revalidations, so that it is never too young */
export const isOvertaken = (bornMs: number, revalidations: readonly number[]): boolean =>
  revalidations.some((ageMs) => bornMs + MARGIN_MS >= ageMs);

/** Ends what has one of the tags, and what is read with one of them from now on. */
export async function revalidate(tenant: TenantCache, tags: readonly string[]): Promise<void> {
  const known = tags.filter((tag) => tag !== "");
  if (known.length === 0) return;
  const noted = await Promise.all(
    known.map((tag) => tenant.set(states, { params: tag, value: { isRevalidated: true } })),
  );
  const ended = await tenant.invalidateTags(known.map(tagOf));
  // An invalidation that did not reach the store is repeated, a note is not: then everything ends.
  const isNoted = noted.every(({ state }) => state === "applied");
  if (!isNoted || ended.state !== "applied") await tenant.invalidateTags([ALL]);
}

/** Of an application's tag: its names are not ours. */
export const tagOf = (tag: string): string => `=next ${tag}`;
