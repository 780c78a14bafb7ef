import type { LedgerAddress, LedgerEntry, UsageLedger } from "../ledger/types.js";
import { driftFind } from "../../events.js";
import type { Reconciled } from "../../types.js";
import { sumOf } from "./hydrate.js";
import { countKeys } from "./keys.js";
import { correct as correctScript } from "./scripts.gen.js";
import type { Wiring } from "./context.js";
import { type Progress, readProgress, writeBehind } from "./write-behind.js";

const ATTEMPTS = 5;

/**
 * Compares what Redis has of the epochs before its own with what the ledger has of them, and adds the difference.
 * What is committed meanwhile belongs to the current epoch, which is not compared: the ledger learns it from Redis.
 * @returns `undefined` for a count that is not there
 */
export async function rebase(
  wiring: Wiring,
  ledger: UsageLedger,
  address: LedgerAddress,
): Promise<Reconciled | undefined> {
  for (let attempt = 1; ; attempt++) {
    const [progress] = await readProgress(wiring, [address]);
    if (progress === undefined || progress.epoch === "") return undefined;
    const [entries = []] = await ledger.read([address]);
    const found = compare(progress, entries);
    const corrected = found.drift === 0 || (await correct(wiring, progress, -found.drift));
    if (!corrected && attempt < ATTEMPTS) continue;
    const result = { ...found, corrected };
    if (corrected && found.drift !== 0) driftFind.publish(() => ({ ...address, ...result }));
    return result;
  }
}

function compare({ epoch, base, own }: Progress, entries: readonly LedgerEntry[]): Omit<Reconciled, "corrected"> {
  const earlier = sumOf(entries.filter((entry) => entry.epoch !== epoch));
  return { before: base + own, source: earlier + own, drift: base - earlier };
}

async function correct({ runner, prefix }: Wiring, progress: Progress, units: number): Promise<boolean> {
  const { address, epoch, base } = progress;
  const args = [epoch, String(base), String(units)];
  return Number(await runner.run(correctScript, { keys: [countKeys(prefix, address).state], args })) === 1;
}

/**
 * Brings the ledger up to date, and the count of what Redis lost while that was done.
 * @returns the counts that were used again meanwhile
 */
export async function catchUp(
  wiring: Wiring,
  ledger: UsageLedger,
  addresses: readonly LedgerAddress[],
): Promise<readonly LedgerAddress[]> {
  const { again, replaced } = await writeBehind(wiring, ledger, addresses);
  for (const address of replaced) await rebase(wiring, ledger, address);
  return again;
}
