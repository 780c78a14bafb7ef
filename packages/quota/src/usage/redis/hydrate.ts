import { randomUUID } from "node:crypto";
import type { LedgerEntry, UsageLedger } from "../ledger/types.js";
import { newlyReached, toPoints } from "../../plan/thresholds.js";
import type { Count, RedisUsageContext } from "./context.js";
import { hydrate as hydrateScript } from "./scripts.gen.js";

/**
 * Loads counts that are missing in Redis from the ledger.
 * Single-flight: calls that need the same count at the same time share one read of the ledger.
 */
export function createHydrate(
  context: RedisUsageContext,
  ledger: UsageLedger,
): (missing: readonly Count[]) => Promise<void> {
  const flights = new Map<string, Promise<void>>();

  async function load(counts: readonly Count[]): Promise<void> {
    const entries = await ledger.read(counts.map(({ address }) => address));
    const args = counts.flatMap((count, i) => {
      const units = sumOf(entries[i]);
      const largest = newlyReached(0, units, count).at(-1) ?? 0;
      return [String(units), String(toPoints(largest)), count.keptMs];
    });
    const keys = counts.map((count) => count.keys.state);
    await context.runner.run(hydrateScript, { keys, args: [randomUUID(), ...args] });
  }

  return async (missing) => {
    const fresh = missing.filter(({ keys }) => !flights.has(keys.state));
    if (fresh.length > 0) {
      const flight = load(fresh).finally(() => {
        for (const { keys } of fresh) flights.delete(keys.state);
      });
      for (const { keys } of fresh) flights.set(keys.state, flight);
    }
    await Promise.all(missing.map(({ keys }) => flights.get(keys.state)));
  };
}

export const sumOf = (entries: readonly LedgerEntry[] = []): number =>
  entries.reduce((sum, { units }) => sum + units, 0);
