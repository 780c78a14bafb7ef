import { randomUUID } from "node:crypto";
import type { LedgerEntry, UsageLedger } from "../ledger/types.js";
import { newlyReached, thresholdUnits } from "../rules.js";
import { hydrate as hydrateScript } from "./scripts.gen.js";
import type { Count, Wiring } from "./context.js";

/** A count, and the limit that says which thresholds were published for what the ledger has. */
export interface Lost {
  readonly count: Count;
  readonly limit: number;
}

/** Brings counts that Redis does not have back from the ledger. */
export type Hydrate = (lost: readonly Lost[]) => Promise<void>;

/** Calls that need the same count at the same time share one reading of the ledger. */
export function createHydrate(wiring: Wiring, ledger: UsageLedger): Hydrate {
  const under = new Map<string, Promise<void>>();

  async function start(lost: readonly Lost[]): Promise<void> {
    const entries = await ledger.read(lost.map(({ count }) => count.address));
    const args = lost.flatMap(({ count, limit }, i) => {
      const units = sumOf(entries[i]);
      return [String(units), String(newlyReached(0, units, thresholdUnits(limit))), count.keptMs];
    });
    const keys = lost.map(({ count }) => count.keys.state);
    await wiring.runner.run(hydrateScript, { keys, args: [randomUUID(), ...args] });
  }

  return async (lost) => {
    const fresh = lost.filter(({ count }) => !under.has(count.keys.state));
    if (fresh.length > 0) {
      const started = start(fresh).finally(() => {
        for (const { count } of fresh) under.delete(count.keys.state);
      });
      for (const { count } of fresh) under.set(count.keys.state, started);
    }
    await Promise.all(lost.map(({ count }) => under.get(count.keys.state)));
  };
}

export const sumOf = (entries: readonly LedgerEntry[] = []): number =>
  entries.reduce((sum, { units }) => sum + units, 0);
