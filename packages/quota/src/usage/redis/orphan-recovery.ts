import { z } from "zod";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import type { RedisUsageContext } from "./context.js";
import { memberOf } from "./dirty-set.js";
import { dirtyKeys } from "./keys.js";
import { flushToLedger } from "./ledger-sync.js";
import { clearDirty as clearDirtyScript, dirty as dirtyScript } from "./scripts.gen.js";

/**
 * Age at which a mark may be cleared: far longer than a process reuses its mark, and than a call may take after marking.
 */
const CLEAR_AFTER_MS = 60_000;
const MAX_RECOVERED = 1000;

const memberSchema = z.tuple([z.string(), z.string(), z.string()]);

/**
 * Writes to the ledger the counts of processes that died, unless another process has the lease for that.
 * Counts that were marked less than `idleMs` ago are left to their own process. The lease lasts `leaseMs`.
 */
export async function recoverOrphans(
  context: RedisUsageContext,
  ledger: UsageLedger,
  { idleMs, leaseMs }: { readonly idleMs: number; readonly leaseMs: number },
): Promise<void> {
  const { counts, lease } = dirtyKeys(context.prefix);
  for (let leaseArg = String(leaseMs); ; leaseArg = "") {
    const args = [context.now(), String(idleMs), leaseArg, String(MAX_RECOVERED)];
    const reply = await context.runner.run(dirtyScript, { keys: [counts, lease], args });
    const [at, ...rest] = Array.isArray(reply) ? reply : [];
    const members = rest.map(String);
    if (members.length === 0) return;
    const busy = new Set((await flushToLedger(context, ledger, addressesOf(members))).map(memberOf));
    const flushed = members.filter((member) => !busy.has(member));
    const before = String(Number(at) - CLEAR_AFTER_MS);
    const cleared = await context.runner.run(clearDirtyScript, { keys: [counts], args: [before, ...flushed] });
    // More counts may be dirty. But when some of these stay, the next reply would contain the same ones.
    if (Number(cleared) < members.length) return;
  }
}

/** Skips members that are not counts: they are cleared like counts that were flushed. */
function addressesOf(members: readonly string[]): LedgerAddress[] {
  return members.flatMap((member) => {
    const parsed = memberSchema.safeParse(parseJson(member));
    if (!parsed.success) return [];
    const [tenantId, metric, period] = parsed.data;
    return [{ tenantId, metric, period }];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
