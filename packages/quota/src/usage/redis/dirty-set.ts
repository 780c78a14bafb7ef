import type { LedgerAddress } from "../ledger/types.js";
import type { RedisUsageContext } from "./context.js";
import { dirtyKeys } from "./keys.js";
import { markDirty as markDirtyScript } from "./scripts.gen.js";

/** How long a mark of this process is reused. */
const MARK_VALID_MS = 10_000;
const KEPT_MS = String(400 * 86_400_000);
const MAX_REMEMBERED = 10_000;

/**
 * Marks counts as dirty in Redis before they get units that the ledger lacks, unless this process did so a moment ago.
 * A process that dies between a commit and the next flush leaves the units in Redis, and the dirty set tells the other
 * processes which counts have them. The set lies in a slot of its own, so no script can write it together with a count.
 */
export function createMarkDirty(context: RedisUsageContext): (addresses: readonly LedgerAddress[]) => Promise<void> {
  const { runner, clock, prefix } = context;
  const { counts } = dirtyKeys(prefix);
  const markedAt = new Map<string, number>();

  function remember(members: readonly string[], at: number): void {
    for (const member of members) {
      markedAt.delete(member);
      markedAt.set(member, at);
    }
    for (const oldest of markedAt.keys()) {
      if (markedAt.size <= MAX_REMEMBERED) break;
      markedAt.delete(oldest);
    }
  }

  return async (addresses) => {
    const at = clock.monotonic();
    const members = addresses.map(memberOf).filter((member) => {
      const last = markedAt.get(member);
      return last === undefined || at - last >= MARK_VALID_MS;
    });
    if (members.length === 0) return;
    await runner.run(markDirtyScript, { keys: [counts], args: [context.now(), KEPT_MS, ...members] });
    remember(members, at);
  };
}

/** Member of the dirty set for a count. */
export const memberOf = ({ tenantId, metric, period }: LedgerAddress): string =>
  JSON.stringify([tenantId, metric, period]);
