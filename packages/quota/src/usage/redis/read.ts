import type { CountStatus } from "../../types.js";
import type { LedgerEntry } from "../ledger/types.js";
import type { UsageStore } from "../store.js";
import { countOf, numbers, type RedisUsageContext } from "./context.js";
import { sumOf } from "./hydrate.js";
import { read as readScript } from "./scripts.gen.js";

/**
 * Reads counts with one round trip to Redis, and one to the ledger for counts that Redis lacks. It writes nothing: a
 * missing count is loaded into Redis by its next use.
 */
export async function readCounts(
  context: RedisUsageContext,
  { tenantId, metrics }: Parameters<UsageStore["read"]>[0],
): Promise<readonly CountStatus[]> {
  if (metrics.length === 0) return [];
  const counts = metrics.map((metric) => countOf(context, { ...metric, tenantId }));
  const keys = counts.flatMap(({ keys: { state, holds } }) => [state, holds]);
  const [asOf = 0, ...reply] = numbers(await context.runner.run(readScript, { keys, args: [context.now()] }));
  const found = counts.map((_, i) => {
    const [hasEpoch = 0, used = 0, held = 0] = reply.slice(i * 3, i * 3 + 3);
    return { hasEpoch: hasEpoch === 1, used, held, exact: true, asOf };
  });
  const { ledger } = context;
  const missing = ledger === undefined ? [] : counts.filter((_, i) => found[i]?.hasEpoch === false);
  const entries = missing.length === 0 ? [] : await ledger?.read(missing.map(({ address }) => address));
  return found.map(({ hasEpoch: _hasEpoch, ...status }, i) => {
    const at = missing.findIndex((count) => count === counts[i]);
    return at === -1 ? status : withLedger(status, entries?.[at] ?? []);
  });
}

/** Units used between the last flush and the loss are missing, so the status is as old as the last flush. */
function withLedger(status: CountStatus, entries: readonly LedgerEntry[]): CountStatus {
  if (entries.length === 0) return status;
  const asOf = Math.max(...entries.map(({ writtenAt }) => writtenAt));
  return { ...status, used: status.used + sumOf(entries), exact: false, asOf };
}
