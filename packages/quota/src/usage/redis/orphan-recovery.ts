import { z } from "zod";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import { memberOf } from "./dirty-set.js";
import { dueKeys } from "./keys.js";
import { catchUp } from "./ledger-sync.js";
import { due as dueScript, forget as forgetScript } from "./scripts.gen.js";
import type { Wiring } from "./context.js";

/** Until then nobody takes an announcement back: far longer than it stands, and than a call may take after it. */
const FORGET_AFTER_MS = 60_000;
const MAX_SWEPT = 1000;

const memberSchema = z.tuple([z.string(), z.string(), z.string()]);

export interface SweepOptions {
  /** Counts that were announced later than so many milliseconds ago are their process's business. */
  readonly idleMs: number;
  /** Milliseconds for which no other process does this. */
  readonly leaseMs: number;
}

/** Writes to the ledger what processes have left that died, if no other process is at it. */
export async function sweep(wiring: Wiring, ledger: UsageLedger, { idleMs, leaseMs }: SweepOptions): Promise<void> {
  const { due, lease } = dueKeys(wiring.prefix);
  for (let leaseArg = String(leaseMs); ; leaseArg = "") {
    const args = [wiring.now(), String(idleMs), leaseArg, String(MAX_SWEPT)];
    const reply = await wiring.runner.run(dueScript, { keys: [due, lease], args });
    const [at, ...rest] = Array.isArray(reply) ? reply : [];
    const members = rest.map(String);
    if (members.length === 0) return;
    const busy = new Set((await catchUp(wiring, ledger, addressesOf(members))).map(memberOf));
    const done = members.filter((member) => !busy.has(member));
    const before = String(Number(at) - FORGET_AFTER_MS);
    const forgotten = await wiring.runner.run(forgetScript, { keys: [due], args: [before, ...done] });
    // More may be due; but when some of these stay, the next would be the same.
    if (Number(forgotten) < members.length) return;
  }
}

/** Without what is not ours: it is forgotten like what is written. */
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
