import type { TenantCache } from "../src/index.js";
import { createDatabase, type Database, rowOf, type RowOf, sleep } from "./database.js";
import type { Node } from "./node.js";

/** Trials with random timing. */
export interface RaceOptions {
  /** The processes of one application. */
  readonly nodes: readonly [Node, Node, Node];
  readonly random: () => number;
  readonly trials: number;
}

export interface Raced {
  /** Readers that got a value that was invalidated before they asked, by trial. */
  readonly stale: readonly string[];
  readonly loads: number;
}

/** One process, as one tenant sees it. */
interface Seat {
  readonly tenant: TenantCache;
  readonly row: RowOf;
  read(id: string): Promise<number>;
}

interface Race {
  readonly database: Database;
  readonly upTo: (ms: number) => number;
  readonly stale: string[];
  /** The process with that number, counted round, for a tenant. */
  seat(i: number, tenantId: string): Seat;
}

type Invalidate = (seat: Seat, id: string) => Promise<unknown>;

const WAYS: Readonly<Record<"its key" | "its tag" | "its tenant", Invalidate>> = {
  "its key": ({ tenant, row }, id) => tenant.invalidate(row, id),
  "its tag": ({ tenant }, id) => tenant.invalidateTags([`of:${id}`]),
  "its tenant": ({ tenant }) => tenant.clear(),
};

export type Way = keyof typeof WAYS;
export const WAY_NAMES = Object.keys(WAYS) as Way[];

/** Time after which another process on this machine has heard of an invalidation. No event tells it. */
const HEARD_MS = 60;
/** Trials under way together: they do not touch each other's rows. */
const TOGETHER = 100;

/** G1, G1b, G2 and G2b: a row is invalidated during its load, perhaps by another process, and all processes read it after that. */
export function endedDuringLoad(way: Way, options: RaceOptions): Promise<Raced> {
  return race(options, async (id, i, { database, upTo, stale, seat }) => {
    const tenantId = `${way} ${way === "its tenant" ? id : "all"}`;
    const [loading, other, third] = [seat(i, tenantId), seat(i + (i % 2), tenantId), seat(i + 2, tenantId)];
    const early = loading.read(id);
    await sleep(upTo(20));
    const truth = database.change(id);
    await WAYS[way](other, id);
    // The node that invalidated, at once; the others once the message is there.
    if ((await other.read(id)) < truth) stale.push(`${id}: invalidating node`);
    await early;
    await sleep(HEARD_MS);
    if ((await loading.read(id)) < truth) stale.push(`${id}: loading node`);
    if ((await third.read(id)) < truth) stale.push(`${id}: third node`);
  });
}

/** G3: a caller that reads after the invalidation has returned joins no load that began before it. */
export function readRightAfter(options: RaceOptions): Promise<Raced> {
  return race(options, async (id, i, { database, upTo, stale, seat }) => {
    const own = seat(i, "right after");
    const early = own.read(id);
    await sleep(upTo(12));
    const truth = database.change(id);
    const done = own.tenant.invalidate(own.row, id);
    const [first] = await Promise.all([done.then(() => own.read(id)), early]);
    if (first < truth) stale.push(id);
  });
}

/** A value that was set during a load of the same row is the one that all processes read. */
export function setDuringLoad(options: RaceOptions): Promise<Raced> {
  return race(options, async (id, i, { database, upTo, stale, seat }) => {
    const seats = [0, 1, 2].map((at) => seat(i + at, "set"));
    const early = seat(i, "set").read(id);
    await sleep(upTo(15));
    const value = database.change(id);
    const writer = seat(i + (i % 2), "set");
    await writer.tenant.set(writer.row, { params: id, value });
    const own = await writer.read(id);
    await early;
    await sleep(HEARD_MS);
    const all = await Promise.all(seats.map(({ read }) => read(id)));
    if (own < value || all.some((each) => each < value)) stale.push(id);
  });
}

async function race(
  { nodes, random, trials }: RaceOptions,
  trial: (id: string, i: number, race: Race) => Promise<void>,
): Promise<Raced> {
  const upTo = (ms: number): number => random() * ms;
  const database = createDatabase(() => upTo(8));
  const stale: string[] = [];
  const rows = nodes.map((node) => rowOf(node, database));
  const seat = (i: number, tenantId: string): Seat => {
    const at = i % nodes.length;
    const [{ cache }, row] = [nodes[at] as Node, rows[at] as RowOf];
    const tenant = cache.tenant(tenantId);
    return { tenant, row, read: (id) => tenant.get(row, id) };
  };
  for (let from = 0; from < trials; from += TOGETHER) {
    const some = Array.from({ length: Math.min(TOGETHER, trials - from) }, (_, i) => from + i);
    await Promise.all(some.map((i) => trial(`row-${i}`, i, { database, upTo, stale, seat })));
  }
  return { stale, loads: database.loads() };
}
