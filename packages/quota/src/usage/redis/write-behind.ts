import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import type { Count, RedisUsageContext } from "./context.js";
import { createMarkDirty } from "./dirty-set.js";
import { createFlusher, type Flusher } from "./flusher.js";
import { createHydrate } from "./hydrate.js";

/** The `write-behind` cycle of a count: load it when Redis lost it, mark it dirty before a commit, flush it after. */
export interface WriteBehind {
  hydrate(missing: readonly Count[]): Promise<void>;
  markDirty(addresses: readonly LedgerAddress[]): Promise<void>;
  readonly flusher: Flusher;
}

export function createWriteBehind(context: RedisUsageContext, ledger: UsageLedger, flushEveryMs: number): WriteBehind {
  return {
    hydrate: createHydrate(context, ledger),
    markDirty: createMarkDirty(context),
    flusher: createFlusher(context, ledger, flushEveryMs),
  };
}
