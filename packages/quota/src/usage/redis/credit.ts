import { StoreError } from "@scale/core";
import { keySegment } from "@scale/core/kit";
import { checkCredit } from "../check-input.js";
import type { CreditInput, CreditOutcome } from "../store.js";
import { countOf, numbers, type RedisUsageContext } from "./context.js";
import { reconcileCount } from "./reconcile.js";
import { credit as creditScript } from "./scripts.gen.js";
import type { WriteBehind } from "./write-behind.js";

/**
 * Subtracts units from a count. With a ledger a credit is a row there, under an epoch of its own, and the count is
 * corrected by it; without one it is kept with the count.
 */
export async function creditCount(
  context: RedisUsageContext,
  writeBehind: WriteBehind | undefined,
  input: CreditInput,
): Promise<CreditOutcome> {
  checkCredit(input);
  return writeBehind === undefined ? creditInRedis(context, input) : creditInLedger(context, writeBehind, input);
}

async function creditInRedis(context: RedisUsageContext, input: CreditInput): Promise<CreditOutcome> {
  const count = countOf(context, input);
  const args = [keySegment(input.id), String(input.units), count.keptMs];
  const [before = -1, used = 0] = numbers(await context.runner.run(creditScript, { keys: [count.keys.state], args }));
  return { units: before === -1 ? input.units : before, repeated: before !== -1, used };
}

async function creditInLedger(
  context: RedisUsageContext,
  writeBehind: WriteBehind,
  input: CreditInput,
): Promise<CreditOutcome> {
  const count = countOf(context, input);
  const epoch = `credit:${keySegment(input.id)}`;
  const [entries = []] = (await context.ledger?.read([count.address])) ?? [];
  const found = entries.find((entry) => entry.epoch === epoch);
  const row = { ...count.address, epoch, units: -input.units, version: 1 };
  // The ledger keeps the row of one of two first calls at the same time.
  const [stored = row] = found === undefined ? ((await context.ledger?.write([row])) ?? []) : [found];
  const { source, corrected } = await reconcileCount(context, writeBehind, count);
  if (!corrected) throw new StoreError("the count changed while the credit was added: repeat the credit with its id");
  return { units: -stored.units, repeated: found !== undefined, used: source };
}
