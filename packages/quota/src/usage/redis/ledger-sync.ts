import { driftFind } from "../../events.js";
import type { Reconciled } from "../../types.js";
import type { LedgerAddress, LedgerEntry, UsageLedger } from "../ledger/types.js";
import type { RedisUsageContext } from "./context.js";
import { sumOf } from "./hydrate.js";
import { forEachAtOnce } from "./in-batches.js";
import { countKeys } from "./keys.js";
import { type Progress, readProgress, writeToLedger } from "./ledger-write.js";
import { correct as correctScript } from "./scripts.gen.js";

const ATTEMPTS = 5;
/** Each reads the ledger. */
const CORRECTIONS_AT_ONCE = 8;

/**
 * Compares the base of a count in Redis with the earlier epochs in the ledger, and adds the difference.
 * Units that are committed meanwhile belong to the current epoch, which is not compared: Redis is its source.
 * @returns `undefined` for a count that Redis does not have
 */
export async function correctFromLedger(
  context: RedisUsageContext,
  ledger: UsageLedger,
  address: LedgerAddress,
): Promise<Reconciled | undefined> {
  for (let attempt = 1; ; attempt++) {
    const [progress] = await readProgress(context, [address]);
    if (progress === undefined || progress.epoch === "") return undefined;
    const [entries = []] = await ledger.read([address]);
    const found = compare(progress, entries);
    const corrected = found.drift === 0 || (await correct(context, progress, -found.drift));
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

async function correct({ runner, prefix }: RedisUsageContext, progress: Progress, units: number): Promise<boolean> {
  const { address, epoch, base } = progress;
  const args = [epoch, String(base), String(units)];
  return Number(await runner.run(correctScript, { keys: [countKeys(prefix, address).state], args })) === 1;
}

/**
 * Writes counts to the ledger, and corrects those that Redis lost and got anew during the write.
 * @returns the counts that were used again meanwhile
 * @throws {unknown} the first failure, after all other counts were written
 */
export async function flushToLedger(
  context: RedisUsageContext,
  ledger: UsageLedger,
  addresses: readonly LedgerAddress[],
): Promise<readonly LedgerAddress[]> {
  const { again, replaced, failures } = await writeToLedger(context, ledger, addresses);
  const uncorrected = await forEachAtOnce(replaced, CORRECTIONS_AT_ONCE, async (address) => {
    await correctFromLedger(context, ledger, address);
  });
  const [failure] = [...failures, ...uncorrected];
  if (failure !== undefined) throw failure;
  return again;
}
