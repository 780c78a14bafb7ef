import type { Duration } from "@scale/core";
import type { Definition } from "../../definition/definition.js";
import { adapterDefinition, MAX_TTL } from "../adapter-definition.js";
import type { TenantCache } from "../../tenant-cache.js";

/**
 * Revalidations of soft tags: the tags of the page that reads an entry. Next passes them only with the read, so the entry does
 * not have them, and the cache cannot invalidate it by them. The age of a revalidation's entry tells when it happened.
 */
const tagStates: Definition<string, { readonly isRevalidated: boolean }> = adapterDefinition({
  name: "next-tag",
  key: (tag: string) => tag,
  ttl: MAX_TTL,
  load(_tag, context) {
    context.ttl(NOT_REVALIDATED_TTL);
    return { isRevalidated: false };
  },
});

/** How long "not revalidated" is cached. Reads with the tag do not ask Redis for it in that time. */
const NOT_REVALIDATED_TTL: Duration = "10m";
/** Tolerance for ages that were measured over the network. A smaller difference counts as overtaken. */
const MARGIN_MS = 10;

/** Tag of all entries of Next. It is invalidated when it is not known which of them are outdated. */
export const ALL = "=next";

/** @returns the ages of the known revalidations of the tags */
export async function revalidationsOf(tenant: TenantCache, tags: readonly string[]): Promise<readonly number[]> {
  const found = await Promise.all([...new Set(tags)].map((tag) => tenant.getWithInfo(tagStates, tag)));
  return found.filter(({ value }) => value.isRevalidated).map(({ ageMs }) => ageMs);
}

/** @param entryAgeMs age of the entry, read after the revalidations so that it is never too low */
export const isOvertaken = (entryAgeMs: number, revalidations: readonly number[]): boolean =>
  revalidations.some((ageMs) => entryAgeMs + MARGIN_MS >= ageMs);

/** Invalidates the entries with one of the tags, and the older entries that are read with one of them from now on. */
export async function revalidate(tenant: TenantCache, tags: readonly string[]): Promise<void> {
  const known = tags.filter((tag) => tag !== "");
  if (known.length === 0) return;
  const marks = await Promise.all(
    known.map((tag) => tenant.set(tagStates, { params: tag, value: { isRevalidated: true } })),
  );
  const receipt = await tenant.invalidateTags(known.map(tagOf));
  // A failed invalidation is retried, a failed mark is not. Then all entries of Next are invalidated.
  const areMarked = marks.every(({ state }) => state === "applied");
  if (!areMarked || receipt.state !== "applied") await tenant.invalidateTags([ALL]);
}

/** The prefix keeps tags of Next apart from tags of the application. */
export const tagOf = (tag: string): string => `=next ${tag}`;
