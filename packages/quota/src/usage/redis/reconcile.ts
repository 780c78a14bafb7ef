import { ConfigError, StoreError } from "@scale/core";
import type { Reconciled } from "../../types.js";
import type { Count, RedisUsageContext } from "./context.js";
import { correctFromLedger, flushToLedger } from "./ledger-sync.js";
import type { WriteBehind } from "./write-behind.js";

/** Compares one count with the ledger in both directions, and corrects the one that lacks units. */
export async function reconcileCount(
  context: RedisUsageContext,
  writeBehind: WriteBehind | undefined,
  count: Count,
): Promise<Reconciled> {
  const { ledger } = context;
  if (ledger === undefined || writeBehind === undefined) throw new ConfigError("redisUsage: reconcile needs a ledger");
  await flushToLedger(context, ledger, [count.address]);
  const found = await correctFromLedger(context, ledger, count.address);
  if (found !== undefined) return found;
  await writeBehind.hydrate([count]);
  const hydrated = await correctFromLedger(context, ledger, count.address);
  if (hydrated !== undefined) return hydrated;
  throw new StoreError("Redis lost the count during the comparison");
}
