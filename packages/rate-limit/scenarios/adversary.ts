import type { RateLimitRule } from "@scale/core";
import { createManualClock, type ManualClock } from "@scale/core/testing";
import { memoryStore } from "../src/memory/store.js";
import type { RateLimitStore, ConsumeResult } from "../src/types.js";
import type { Admitted } from "./exact-log.js";

export interface Attack {
  readonly rule: RateLimitRule;
  readonly random: () => number;
  /** How long the client goes on, milliseconds. */
  readonly lengthMs: number;
}

/** A client of the memory store, and the units that it was admitted. */
interface Client {
  readonly clock: ManualClock;
  readonly log: Admitted[];
  /** Asks for that many units, and logs the ones that it gets. */
  ask(units: number): ConsumeResult;
}

function clientOf({ rule, random }: Attack): Client {
  // Anywhere in the calendar: windows of the client's own begin nowhere in particular.
  const clock = createManualClock(1_700_000_000_000 + Math.floor(random() * rule.windowMs * 10));
  const store: RateLimitStore = memoryStore({ clock });
  const log: Admitted[] = [];
  return {
    clock,
    log,
    ask(cost) {
      const taken = store.consume({ tenantId: "acme", cost, charges: [{ rule, scope: ["api"], subject: "acme" }] });
      if (taken instanceof Promise) throw new Error("the memory store answers at once");
      if (taken.allowed) log.push({ atMs: clock.monotonic(), units: cost });
      return taken;
    },
  };
}

/**
 * A client that is silent and greedy in turn, for random times. When greedy it takes all free units at once, then each
 * unit as it becomes free, sometimes after the wait of the last denial and sometimes by trying.
 */
export function attack(options: Attack): readonly Admitted[] {
  const { rule, random, lengthMs } = options;
  const { clock, log, ask } = clientOf(options);
  while (clock.monotonic() < lengthMs) {
    clock.advance(Math.floor(random() * 2.5 * rule.windowMs));
    const until = clock.monotonic() + random() * 1.5 * rule.windowMs;
    while (clock.monotonic() < until) {
      const { remaining = 0 } = ask(0).statuses[0] ?? {};
      if (remaining > 0) ask(remaining);
      const { retryAfterMs = 1 } = ask(1).statuses[0] ?? {};
      clock.advance(random() < 0.5 ? Math.max(1, retryAfterMs) : 1 + Math.floor(random() * rule.windowMs * 0.02));
    }
  }
  return log;
}

/** A client that asks for one unit every millisecond, admitted or not. */
export function flood(options: Attack): readonly Admitted[] {
  const { clock, log, ask } = clientOf(options);
  while (clock.monotonic() < options.lengthMs) {
    ask(1);
    clock.advance(1);
  }
  return log;
}
