import type { Clock } from "@scale/core";
import type { Count, Decisions } from "./live-data.js";
import { createSecondsRing } from "./ring.js";

const ADMITTED = 0;
const DENIED = 1;

/** Counts admitted and denied requests. */
export interface DecisionCounter {
  add(allowed: boolean): void;
  read(): Decisions;
}

export function createDecisionCounter(clock: Clock): DecisionCounter {
  const ring = createSecondsRing(2, clock);
  let totalAdmitted = 0;
  let totalDenied = 0;
  return {
    add(allowed) {
      ring.add(allowed ? ADMITTED : DENIED);
      if (allowed) totalAdmitted += 1;
      else totalDenied += 1;
    },
    read: () => ({ admitted: ring.total(ADMITTED), denied: ring.total(DENIED), totalAdmitted, totalDenied }),
  };
}

/** Counts occurrences. */
export interface Counter {
  /** Adds 1, or `by`. */
  add(by?: number): void;
  read(): Count;
}

export function createCounter(clock: Clock): Counter {
  const ring = createSecondsRing(1, clock);
  let total = 0;
  return {
    add(by = 1) {
      ring.add(0, by);
      total += by;
    },
    read: () => ({ last: ring.total(0), total }),
  };
}
