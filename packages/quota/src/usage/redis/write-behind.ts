import type { LedgerAddress, UsageLedger } from "../ledger/types.js";
import { driftFind } from "../../events.js";
import { countKeys } from "./keys.js";
import { progress as progressScript, settle as settleScript } from "./scripts.gen.js";
import { numbers, type Wiring } from "./context.js";

/** Keys of one script call, and rows of one statement. */
const MAX_BATCH = 200;

/** What Redis has of one count. */
export interface Progress {
  readonly address: LedgerAddress;
  /** "" for a count that is not there, or was never hydrated. */
  readonly epoch: string;
  readonly base: number;
  readonly own: number;
  readonly version: number;
  readonly flushed: number;
}

export async function readProgress(wiring: Wiring, addresses: readonly LedgerAddress[]): Promise<readonly Progress[]> {
  const keys = addresses.map((address) => countKeys(wiring.prefix, address).state);
  const reply = await wiring.runner.run(progressScript, { keys, args: [] });
  const texts = Array.isArray(reply) ? reply.map(String) : [];
  return addresses.map((address, i) => {
    const [epoch = "", ...rest] = texts.slice(i * 5, i * 5 + 5);
    const [base = 0, own = 0, version = 0, flushed = 0] = rest.map(Number);
    return { address, epoch, base, own, version, flushed };
  });
}

export interface Written {
  /** Counts that were used again meanwhile. */
  readonly again: readonly LedgerAddress[];
  /** Counts that Redis lost meanwhile and has anew: what they started from may lack what was written now. */
  readonly replaced: readonly LedgerAddress[];
}

/**
 * Writes what Redis has of some counts to the ledger: totals of their epochs, so that it may be done twice, by several
 * processes, and late.
 */
export async function writeBehind(
  wiring: Wiring,
  ledger: UsageLedger,
  addresses: readonly LedgerAddress[],
): Promise<Written> {
  const all: Written[] = [];
  for (const batch of batches(addresses, wiring.runner.isCluster)) all.push(await writeBatch(wiring, ledger, batch));
  return { again: all.flatMap(({ again }) => again), replaced: all.flatMap(({ replaced }) => replaced) };
}

async function writeBatch(wiring: Wiring, ledger: UsageLedger, addresses: readonly LedgerAddress[]): Promise<Written> {
  const all = await readProgress(wiring, addresses);
  const ahead = all.filter(({ epoch, version, flushed }) => epoch !== "" && version > flushed);
  if (ahead.length === 0) return { again: [], replaced: [] };
  const states = ahead.map(({ address, epoch, own, version }) => ({ ...address, epoch, units: own, version }));
  const written = await ledger.write(states);
  const keys = ahead.map(({ address }) => countKeys(wiring.prefix, address).state);
  const args = ahead.flatMap(({ epoch }, i) => [epoch, String(written[i]?.version), String(written[i]?.units)]);
  const reply = numbers(await wiring.runner.run(settleScript, { keys, args }));
  for (const [i, found] of ahead.entries()) publishDrift(found, reply[i * 2 + 1] ?? 0);
  const withStatus = (status: number): LedgerAddress[] =>
    ahead.filter((_, i) => reply[i * 2] === status).map(({ address }) => address);
  return { again: withStatus(1), replaced: withStatus(2) };
}

/** Redis had lost `added` units that the ledger knew: after a failover, or from an old snapshot. */
function publishDrift({ address: { tenantId, metric, period }, base, own }: Progress, added: number): void {
  if (added === 0) return;
  const before = base + own;
  const found = { before, source: before + added, drift: -added, corrected: true };
  driftFind.publish(() => ({ tenantId, metric, period, ...found }));
}

/** On a Cluster the keys of one call must lie in one slot, as those of one tenant do. */
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
