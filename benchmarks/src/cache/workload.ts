import { type Expectation, type Line, type Measured, seededRandom } from "@scale/testkit";
import { line } from "../gate.js";
import type { OurNode } from "./peers/ours.js";
import { check, ids, rowOf } from "./rows.js";

const SEED = 20_261_120;
export const KEYS = 1000;
const TENANTS = 10;
/** Hits of one measured iteration, after which the event loop turns. */
export const BATCH = 1000;

const random = seededRandom(SEED);
/** Indexes of the requested rows, the same for all caches. The length is a power of two. */
export const sequence = Int32Array.from({ length: 1 << 14 }, () => Math.floor(random() * KEYS));
export const rowIds = ids(KEYS);
export const tenantIds = rowIds.map((_, i) => `tenant-${i % TENANTS}`);
/** Complete keys for the caches without tenants. Ours builds its keys from params. */
export const keys = rowIds.map((id, i) => `${tenantIds[i]}:${id}`);
export const params = rowIds.map((id) => ({ id }));

/** Puts every row into memory without a load, because a load would use AsyncLocalStorage, see `hits`. */
export async function fill({ cache, row }: OurNode): Promise<void> {
  for (const [at, id] of rowIds.entries()) {
    const tenant = cache.tenant(tenantIds[at]);
    const { state } = await tenant.set(row, { params: { id }, value: rowOf(id) });
    if (state !== "applied") throw new Error(`set: ${state}`);
    check(await tenant.get(row, { id }), id);
  }
}

/** @returns a function that throws unless all reads since were hits in memory */
export function countHits(ours: OurNode): () => void {
  const before = countsOf(ours);
  return () => {
    const after = countsOf(ours);
    if (after.hits === before.hits || after.others !== before.others) {
      throw new Error(`not only hits: ${JSON.stringify({ before, after })}`);
    }
  };
}

function countsOf(ours: OurNode): { hits: number; others: number } {
  const counts = { hits: 0, others: 0 };
  for (const tenantId of new Set(tenantIds)) {
    const { memoryHits, storeHits, staleHits, loads } = ours.tenant(tenantId).stats();
    counts.hits += memoryHits;
    counts.others += storeHits + staleHits + loads;
  }
  return counts;
}

export interface Sides extends Expectation {
  readonly ours: Measured;
  readonly peer: Measured;
  readonly against: string;
}

export function resultOf(bench: string, { ours, peer, against, gate, goal }: Sides): Line {
  return line({
    bench: `cache: ${bench}`,
    unit: "ns",
    ours: 1e9 / ours.opsPerSecond / BATCH,
    peer: 1e9 / peer.opsPerSecond / BATCH,
    against,
    ratio: peer.ratio / ours.ratio,
    gate,
    goal,
  });
}

export const rounds = (smoke: boolean) =>
  smoke ? { rounds: 1, warmup: 0, durationMs: 5 } : { rounds: 25, warmup: 3, durationMs: 60 };
