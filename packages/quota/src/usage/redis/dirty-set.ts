import type { LedgerAddress } from "../ledger/types.js";
import { dueKeys } from "./keys.js";
import { announce as announceScript } from "./scripts.gen.js";
import type { Wiring } from "./context.js";

/** How long an announcement of this process stands. */
const STANDS_MS = 10_000;
const KEPT_MS = String(400 * 86_400_000);
const MAX_REMEMBERED = 10_000;

/**
 * Notes in Redis which counts may be ahead of the ledger, before they are, unless this process did so a moment ago.
 * A process that dies between a commit and the next writing leaves the units in Redis, and the note tells the others
 * where. The note lies in a slot of its own, so no script can write it together with the count.
 */
export type Announce = (addresses: readonly LedgerAddress[]) => Promise<void>;

export function createAnnounce(wiring: Wiring): Announce {
  const { runner, clock, prefix } = wiring;
  const { due } = dueKeys(prefix);
  const announcedAt = new Map<string, number>();

  function remember(members: readonly string[], at: number): void {
    for (const member of members) {
      announcedAt.delete(member);
      announcedAt.set(member, at);
    }
    for (const oldest of announcedAt.keys()) {
      if (announcedAt.size <= MAX_REMEMBERED) break;
      announcedAt.delete(oldest);
    }
  }

  return async (addresses) => {
    const at = clock.monotonic();
    const members = addresses.map(memberOf).filter((member) => {
      const last = announcedAt.get(member);
      return last === undefined || at - last >= STANDS_MS;
    });
    if (members.length === 0) return;
    await runner.run(announceScript, { keys: [due], args: [wiring.now(), KEPT_MS, ...members] });
    remember(members, at);
  };
}

/** How a count is called among those announced. */
export const memberOf = ({ tenantId, metric, period }: LedgerAddress): string =>
  JSON.stringify([tenantId, metric, period]);
