import { memoryFail } from "../events.js";
import type { Entry } from "../memory/types.js";
import { valueBytes } from "../memory/value-size.js";
import type { EntryContent } from "../store.js";
import type { CacheContext } from "./context.js";
import type { EntryRef } from "./entry-ref.js";
import type { L1Meta } from "./tenant-state.js";

/** Estimated bytes of `meta`. */
const META_BYTES = 64;

/**
 * Creates an L1 entry. Written out instead of spread, because every read of the store runs it.
 * @param decoded `chars` is the length of the serialized value
 */
export function createL1Entry(
  { value, chars }: { readonly value: unknown; readonly chars: number },
  { freshMs, usableMs, tags }: Omit<EntryContent, "text">,
  meta: L1Meta,
): Entry {
  const { filledAt } = meta;
  const bytes = META_BYTES + valueBytes(value, chars);
  const freshUntil = Math.ceil(filledAt + freshMs);
  const usableUntil = Math.ceil(filledAt + usableMs);
  if (tags.length === 0) return { value, bytes, freshUntil, usableUntil, meta };
  return { value, bytes, freshUntil, usableUntil, meta, tags };
}

/**
 * Writes an entry to L1, unless its fence is broken. An error of the application's `budgets` costs the entry, not the reader.
 * @param write `isCurrent` is the state of the fence that was opened before the value was read or loaded; `prefetch` is set
 * when no reader has asked for the value
 */
export function storeInL1IfCurrent(
  { stalenessBound }: CacheContext,
  { tenant, definition, key }: EntryRef,
  write: { readonly entry: Entry; readonly isCurrent: boolean; readonly prefetch?: "cold" | "skip" | undefined },
): void {
  const { entry, isCurrent, prefetch } = write;
  if (!isCurrent || !stalenessBound.canEverServe || prefetch === "skip") return;
  try {
    if (prefetch === "cold") tenant.partition.offer(definition.name, key, entry);
    else tenant.partition.set(definition.name, key, entry);
  } catch (error) {
    memoryFail.publish(() => ({ tenantId: tenant.tenantId, error }));
  }
}

/** The entry that L1 may serve, fresh or stale. A prefetch does not count as a use of the entry. */
export function servableL1Entry(
  { clock, stalenessBound }: CacheContext,
  { tenant, definition, key, prefetch }: EntryRef & { readonly prefetch?: unknown },
): Entry | undefined {
  const entry = prefetch === undefined ? tenant.get(definition.name, key) : tenant.peek(definition.name, key);
  if (entry === undefined) return undefined;
  const now = clock.monotonic();
  return entry.usableUntil > now && stalenessBound.isServable(now) ? entry : undefined;
}

export const ageOf = ({ meta }: Entry, now: number): number => Math.max(0, now - (meta as L1Meta).filledAt);
