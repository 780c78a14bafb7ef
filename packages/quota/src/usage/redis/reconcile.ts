import { ConfigError, StoreError } from "@scale/core";
import type { Reconciled } from "../../types.js";
import type { Hydrate } from "./hydrate.js";
import { catchUp, rebase } from "./ledger-sync.js";
import type { Count, Wiring } from "./context.js";

/** Compares one count with the ledger, both ways, and corrects what is behind. */
export async function reconcileCount(wiring: Wiring, hydrate: Hydrate | undefined, count: Count): Promise<Reconciled> {
  const { ledger } = wiring;
  if (ledger === undefined || hydrate === undefined) throw new ConfigError("redisUsage: reconcile needs a ledger");
  await catchUp(wiring, ledger, [count.address]);
  const found = await rebase(wiring, ledger, count.address);
  if (found !== undefined) return found;
  // No thresholds are passed over in silence: the next commit knows the limit and publishes them.
  await hydrate([{ count, limit: 0 }]);
  const hydrated = await rebase(wiring, ledger, count.address);
  if (hydrated !== undefined) return hydrated;
  throw new StoreError("Redis lost the count while it was compared");
}
