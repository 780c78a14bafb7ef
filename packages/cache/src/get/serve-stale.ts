import type { CacheContext } from "../coherence/context.js";
import { ageOf } from "../coherence/l1-entry.js";
import type { L1Meta } from "../coherence/tenant-state.js";
import { staleServe } from "../events.js";
import type { Entry } from "../memory/types.js";
import type { Flight } from "./flight.js";

/** True while a load of the entry has failed a moment ago, and must not be repeated yet. */
export const isBackingOff = ({ meta }: Entry, now: number): boolean => now < ((meta as L1Meta).retryAt ?? -Infinity);

/**
 * Resolves the flight with its stale candidate, if the definition allows that for the reason: `refreshing` is
 * stale-while-revalidate, the other two are stale-if-error. A load that is running goes on.
 * @returns whether the flight is resolved, by this call or an earlier one
 */
export function serveStale(
  { clock }: CacheContext,
  flight: Flight,
  { reason, error }: { readonly reason: "refreshing" | "slow" | "load-failed"; readonly error?: unknown },
): boolean {
  const { staleCandidate } = flight;
  if (flight.isSettled || staleCandidate === undefined) return flight.isSettled;
  const { tenant, definition } = flight.request;
  const { entry, source } = staleCandidate;
  const now = clock.monotonic();
  const { staleWhileRevalidateMs, graceMs } = definition.times;
  const limitMs = reason === "refreshing" ? staleWhileRevalidateMs : graceMs;
  const isStale = entry.freshUntil <= now;
  if (isStale && (now - entry.freshUntil >= limitMs || now >= entry.usableUntil)) return false;
  const ageMs = ageOf(entry, now);
  if (isStale) {
    tenant.counts.staleHits++;
    staleServe.publish(() => ({ tenantId: tenant.tenantId, name: definition.name, ageMs, reason, error }));
  }
  flight.resolve({ value: entry.value, source, ageMs, isStale });
  return true;
}
