import { driftFind } from "../../events.js";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import { numbers, type RedisUsageContext } from "./context.js";
import { chunksOf, forEachAtOnce } from "./in-batches.js";
import { countKeys } from "./keys.js";
import { markFlushed as markFlushedScript, progress as progressScript } from "./scripts.gen.js";
import { slotOf } from "./slot.js";

/** Maximum keys of one script call, and rows of one statement. */
const MAX_BATCH = 200;
/** Script calls that are under way at once. */
const MAX_AT_ONCE = 32;

/** State of one count in Redis, as far as the ledger needs it. */
export interface Progress {
  readonly address: LedgerAddress;
  /** "" for a missing count, and for one that was never hydrated. */
  readonly epoch: string;
  readonly base: number;
  readonly own: number;
  readonly version: number;
  readonly flushed: number;
}

export async function readProgress(
  context: RedisUsageContext,
  addresses: readonly LedgerAddress[],
): Promise<readonly Progress[]> {
  const keys = addresses.map((address) => countKeys(context.prefix, address).state);
  const reply = await context.runner.run(progressScript, { keys, args: [] });
  const fields = Array.isArray(reply) ? reply.map(String) : [];
  return addresses.map((address, i) => {
    const [epoch = "", ...rest] = fields.slice(i * 5, i * 5 + 5);
    const [base = 0, own = 0, version = 0, flushed = 0] = rest.map(Number);
    return { address, epoch, base, own, version, flushed };
  });
}

/**
 * Writes counts from Redis to the ledger. It writes the total of each epoch, so the write is idempotent: it may be
 * repeated, late, or made by several processes. Redis is asked slot by slot on a Cluster, several at once, and the ledger
 * with one statement for the counts of many slots. A failure does not keep the others from being written.
 * @returns what is left to be done. `again`: counts that were used again during the write; `replaced`: counts that Redis lost
 * during the write and has anew, whose base may lack the units of this write; `failures`: errors of the slots and the
 * statements that failed
 */
export async function writeToLedger(
  context: RedisUsageContext,
  ledger: UsageLedger,
  addresses: readonly LedgerAddress[],
): Promise<{
  readonly again: LedgerAddress[];
  readonly replaced: LedgerAddress[];
  readonly failures: unknown[];
}> {
  const unfinished: Awaited<ReturnType<typeof writeToLedger>> = { again: [], replaced: [], failures: [] };
  const ahead: Progress[] = [];
  const unread = await forEachAtOnce(batches(context, addresses), MAX_AT_ONCE, async (batch) => {
    const found = await readProgress(context, batch);
    ahead.push(...found.filter(({ epoch, version, flushed }) => epoch !== "" && version > flushed));
  });
  // One statement after the other: they are the load of one connection.
  const unwritten = await forEachAtOnce(chunksOf(ahead, MAX_BATCH), 1, (rows) =>
    writeRows(context, ledger, { rows, unfinished }),
  );
  unfinished.failures.push(...unread, ...unwritten);
  return unfinished;
}

async function writeRows(
  context: RedisUsageContext,
  ledger: UsageLedger,
  {
    rows,
    unfinished,
  }: { readonly rows: readonly Progress[]; readonly unfinished: Awaited<ReturnType<typeof writeToLedger>> },
): Promise<void> {
  const states = rows.map(({ address, epoch, own, version }) => ({ ...address, epoch, units: own, version }));
  const written = await ledger.write(states);
  const stored = new Map(rows.map(({ address }, i) => [address, { found: rows[i], ...written[i] }]));
  const marked = batches(
    context,
    rows.map(({ address }) => address),
  );
  const failures = await forEachAtOnce(marked, MAX_AT_ONCE, async (batch) => {
    const keys = batch.map((address) => countKeys(context.prefix, address).state);
    const args = batch.flatMap((address) => {
      const { found, version, units } = stored.get(address) ?? {};
      return [found?.epoch ?? "", String(version), String(units)];
    });
    const reply = numbers(await context.runner.run(markFlushedScript, { keys, args }));
    for (const [i, address] of batch.entries()) {
      publishDrift(stored.get(address)?.found, reply[i * 2 + 1] ?? 0);
      if (reply[i * 2] === 1) unfinished.again.push(address);
      if (reply[i * 2] === 2) unfinished.replaced.push(address);
    }
  });
  unfinished.failures.push(...failures);
}

/** Redis had lost `added` units that the ledger has: after a failover, or from an old snapshot. */
function publishDrift(found: Progress | undefined, added: number): void {
  if (found === undefined || added === 0) return;
  const { address, base, own } = found;
  const before = base + own;
  driftFind.publish(() => ({ ...address, before, source: before + added, drift: -added, corrected: true }));
}

/** Keys of one script call lie in one slot on a Cluster. */
function batches({ runner }: RedisUsageContext, addresses: readonly LedgerAddress[]): LedgerAddress[][] {
  if (!runner.isCluster) return chunksOf(addresses, MAX_BATCH);
  const groups = new Map<number, LedgerAddress[]>();
  for (const address of addresses) {
    const slot = slotOf(address.tenantId);
    const group = groups.get(slot) ?? [];
    groups.set(slot, group);
    group.push(address);
  }
  return [...groups.values()].flatMap((group) => chunksOf(group, MAX_BATCH));
}
