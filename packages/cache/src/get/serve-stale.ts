import type { Engine } from "../coherence/context.js";
import { staleServe } from "../events.js";
import type { Errand, Flight } from "./flight.js";
import { ageOf } from "../coherence/l1-entry.js";

type Because = "refreshing" | "slow" | "load-failed";

/**
 * Gives the readers the old value, if they may have it for that reason. The flight goes on.
 * @returns whether it is theirs, now or before
 */
export function serveOld(
  engine: Engine,
  seat: { errand: Errand; flight: Flight },
  why: { reason: Because; error?: unknown },
): boolean {
  const { errand, flight } = seat;
  const { old } = flight;
  if (flight.isSettled || old === undefined) return flight.isSettled;
  const { space, spec } = errand;
  const { reason, error } = why;
  const { entry, source } = old;
  const now = engine.clock.monotonic();
  const limitMs = reason === "refreshing" ? spec.times.swrMs : spec.times.graceMs;
  const isStale = entry.freshUntil <= now;
  if (isStale && (now - entry.freshUntil >= limitMs || now >= entry.usableUntil)) return false;
  const ageMs = ageOf(entry, now);
  if (isStale) {
    space.counts.staleHits++;
    staleServe.publish(() => ({ tenantId: space.tenantId, name: spec.name, ageMs, reason, error }));
  }
  flight.settle({ value: entry.value, source, ageMs, isStale });
  return true;
}
