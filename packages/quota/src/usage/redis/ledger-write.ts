import { driftFind } from "../../events.js";
import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import { numbers, type RedisUsageContext } from "./context.js";
import { countKeys } from "./keys.js";
import { markFlushed as markFlushedScript, progress as progressScript } from "./scripts.gen.js";

/** Maximum keys of one script call, and rows of one statement. */
const MAX_BATCH = 200;

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
 * repeated, late, or made by several processes.
 * @returns the counts that were used again during the write (`again`), and the counts that Redis lost during the write
 *   and has anew (`replaced`): their base may lack the units of this write
 */
export async function writeToLedger(
  context: RedisUsageContext,
  ledger: UsageLedger,
  addresses: readonly LedgerAddress[],
): ReturnType<typeof writeBatch> {
  const all: Awaited<ReturnType<typeof writeBatch>>[] = [];
  for (const batch of batches(addresses, context.runner.isCluster)) all.push(await writeBatch(context, ledger, batch));
  return { again: all.flatMap(({ again }) => again), replaced: all.flatMap(({ replaced }) => replaced) };
}

async function writeBatch(
  context: RedisUsageContext,
  ledger: UsageLedger,
  addresses: readonly LedgerAddress[],
): Promise<{ readonly again: readonly LedgerAddress[]; readonly replaced: readonly LedgerAddress[] }> {
  const all = await readProgress(context, addresses);
  const ahead = all.filter(({ epoch, version, flushed }) => epoch !== "" && version > flushed);
  if (ahead.length === 0) return { again: [], replaced: [] };
  const states = ahead.map(({ address, epoch, own, version }) => ({ ...address, epoch, units: own, version }));
  const written = await ledger.write(states);
  const keys = ahead.map(({ address }) => countKeys(context.prefix, address).state);
  const args = ahead.flatMap(({ epoch }, i) => [epoch, String(written[i]?.version), String(written[i]?.units)]);
  const reply = numbers(await context.runner.run(markFlushedScript, { keys, args }));
  for (const [i, found] of ahead.entries()) publishDrift(found, reply[i * 2 + 1] ?? 0);
  const withStatus = (status: number): LedgerAddress[] =>
    ahead.filter((_, i) => reply[i * 2] === status).map(({ address }) => address);
  return { again: withStatus(1), replaced: withStatus(2) };
}

/** Redis had lost `added` units that the ledger has: after a failover, or from an old snapshot. */
function publishDrift({ address: { tenantId, metric, period }, base, own }: Progress, added: number): void {
  if (added === 0) return;
  const before = base + own;
  const found = { before, source: before + added, drift: -added, corrected: true };
  driftFind.publish(() => ({ tenantId, metric, period, ...found }));
}

/** On a Cluster the keys of one call must lie in one slot, as the keys of one tenant do. */
function batches(addresses: readonly LedgerAddress[], isCluster: boolean): LedgerAddress[][] {
  const groups = new Map<string, LedgerAddress[]>();
  for (const address of addresses) {
    const name = isCluster ? address.tenantId : "";
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    group.push(address);
  }
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / MAX_BATCH) }, (_, i) =>
      group.slice(i * MAX_BATCH, (i + 1) * MAX_BATCH),
    ),
  );
}
