import type { LedgerEntry } from "../ledger/types.js";
import type { Standing, UsageStore } from "../../types.js";
import { sumOf } from "./hydrate.js";
import { read as readScript } from "./scripts.gen.js";
import { countOf, numbers, type Wiring } from "./context.js";

/**
 * One round trip to Redis, and one to the ledger for counts that Redis does not have. Nothing is written: a count comes
 * back to Redis when it is next used.
 */
export async function readStandings(
  wiring: Wiring,
  { tenantId, metrics }: Parameters<UsageStore["read"]>[0],
): Promise<readonly Standing[]> {
  if (metrics.length === 0) return [];
  const counts = metrics.map((metric) => countOf(wiring, { ...metric, tenantId }));
  const keys = counts.flatMap(({ keys: { state, holds } }) => [state, holds]);
  const [asOf = 0, ...found] = numbers(await wiring.runner.run(readScript, { keys, args: [wiring.now()] }));
  const standings = counts.map((_, i) => {
    const [hasEpoch = 0, used = 0, held = 0] = found.slice(i * 3, i * 3 + 3);
    return { hasEpoch: hasEpoch === 1, used, held, exact: true, asOf };
  });
  const { ledger } = wiring;
  const lost = ledger === undefined ? [] : counts.filter((_, i) => standings[i]?.hasEpoch === false);
  const entries = lost.length === 0 ? [] : await ledger?.read(lost.map(({ address }) => address));
  return standings.map(({ hasEpoch: _hasEpoch, ...standing }, i) => {
    const at = lost.findIndex((count) => count === counts[i]);
    return at === -1 ? standing : fromLedger(standing, entries?.[at] ?? []);
  });
}

/** What was used between the last writing and the loss is not in it, so it is as old as that. */
function fromLedger(standing: Standing, entries: readonly LedgerEntry[]): Standing {
  if (entries.length === 0) return standing;
  const asOf = Math.max(...entries.map(({ writtenAt }) => writtenAt));
  return { ...standing, used: standing.used + sumOf(entries), exact: false, asOf };
}
