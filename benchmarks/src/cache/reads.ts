import type { TenantCache } from "@scale/cache";
import { compareAll, type Expectation, type Line, type Measured, startRedis } from "@scale/testkit";
import { line } from "../gate.js";
import { startLayeredLoader } from "./peers/layered-loader.js";
import { redis5, redis6, type Row } from "./peers/node.js";
import { type OurNode, type Params, startOurs } from "./peers/ours.js";
import { check, rowOf } from "./rows.js";

const KEYS = 12_000;

interface Scenario {
  readonly tenants: 1 | 100;
  readonly concurrency: 1 | 50 | 500;
  /** Beside GET on ioredis 6. */
  readonly raw: Expectation;
  readonly layered?: Expectation;
}

const LAYERED: Expectation = { gate: { atLeast: 1.1 }, goal: { atLeast: 1.4 } };

const SCENARIOS: readonly Scenario[] = [
  { tenants: 1, concurrency: 1, raw: { gate: { atLeast: 0.85 } } },
  { tenants: 1, concurrency: 50, raw: { gate: { atLeast: 1 } }, layered: LAYERED },
  { tenants: 1, concurrency: 500, raw: { gate: { atLeast: 0.9 }, goal: { atLeast: 1.1 } } },
  { tenants: 100, concurrency: 50, raw: { gate: { atLeast: 1 } }, layered: LAYERED },
  { tenants: 100, concurrency: 500, raw: { gate: { atLeast: 0.9 }, goal: { atLeast: 1.1 } } },
];

/**
 * Reads from Redis, as by a process that has just started, or whose memory is too small. No row is read twice at the same time.
 * 12,000 rows of about 200 bytes are read one after the other, of one tenant or of a hundred in turn, by 1, 50 or 500 callers
 * that each wait for their result. Memory stores nothing: every read of ours counts as a hit of the store.
 */
export const reads = Object.fromEntries(
  SCENARIOS.map((scenario) => {
    const { tenants, concurrency } = scenario;
    return [`reads-${tenants}-${concurrency}`, (smoke: boolean) => withRedis((url) => measure(url, scenario, smoke))];
  }),
);

async function* withRedis(part: (url: string) => AsyncIterable<Line>): AsyncIterable<Line> {
  const redis = await startRedis();
  try {
    yield* part(redis.url);
  } finally {
    await redis.stop();
  }
}

async function* measure(url: string, scenario: Scenario, smoke: boolean): AsyncIterable<Line> {
  const { tenants, concurrency, raw, layered } = scenario;
  const count = smoke ? 600 : KEYS;
  const ids = Array.from({ length: count }, (_, i) => `row-${100_000 + i}`);
  const prefix = `reads-${tenants}-${concurrency}`;
  const ours = await oursFor({ url, prefix, ids, tenants });
  const field = [ours, await rawFor(url, 6, ids), await rawFor(url, 5, ids), await layeredFor(url, ids)];
  try {
    const { side, raw6, raw5, peer } = await sidesOf(
      field.map(({ read }) => read),
      { ids, concurrency, smoke },
    );
    ours.assertStoreHits();
    const about = `read from Redis, ${tenants} ${tenants === 1 ? "tenant" : "tenants"}, concurrency ${concurrency}`;
    yield resultOf(about, {
      ours: side,
      peer: raw6,
      against: "GET and JSON.parse, ioredis 6 autopipelined",
      ...raw,
    });
    yield resultOf(about, { ours: side, peer: raw5, against: "GET and JSON.parse, ioredis 5 autopipelined" });
    yield resultOf(about, { ours: side, peer, against: "layered-loader, autopipelined", ...layered });
  } finally {
    for (const { close } of field) await close();
  }
}

type Read = (at: number) => Promise<unknown>;

interface Contender {
  readonly read: Read;
  close(): Promise<void>;
}

async function sidesOf(
  [ours, raw6, raw5, peer]: readonly Read[],
  { ids, concurrency, smoke }: { ids: readonly string[]; concurrency: number; smoke: boolean },
) {
  const variant = (read: Read | undefined) => {
    let next = 0;
    return async () => {
      const at = next++ % ids.length;
      check(await read?.(at), ids[at] as string);
    };
  };
  const sides = await compareAll(
    { side: variant(ours), raw6: variant(raw6), raw5: variant(raw5), peer: variant(peer) },
    { concurrency, ...(smoke ? { rounds: 1, warmup: 0, durationMs: 10 } : { rounds: 21, warmup: 3, durationMs: 100 }) },
  );
  return sides;
}

interface Filled {
  readonly url: string;
  readonly prefix: string;
  readonly ids: readonly string[];
  readonly tenants: number;
}

async function oursFor({ url, prefix, ids, tenants }: Filled): Promise<Contender & { assertStoreHits(): void }> {
  // No entry fits, so every read is the same as with an empty memory.
  const node = await startOurs({ url, prefix, maxBytes: 1, load: async (id) => rowOf(id) });
  const handles = Array.from({ length: tenants }, (_, i) => node.tenant(`tenant-${i}`));
  const params = ids.map((id) => ({ id }));
  const at = (i: number) => handles[i % tenants] as TenantCache;
  await inGroups(ids, (id, i) => at(i).set(node.row, { params: { id }, value: rowOf(id) }));
  return {
    read: (i) => at(i).get(node.row, params[i] as Params),
    close: node.close,
    assertStoreHits: () => assertStoreHits(node, tenants),
  };
}

function assertStoreHits(node: OurNode, tenants: number): void {
  const sum = { storeHits: 0, others: 0 };
  for (let i = 0; i < tenants; i++) {
    const { storeHits, memoryHits, loads, staleHits } = node.tenant(`tenant-${i}`).stats();
    sum.storeHits += storeHits;
    sum.others += memoryHits + loads + staleHits;
  }
  if (sum.storeHits === 0 || sum.others > 0) throw new Error(`not only hits in the store: ${JSON.stringify(sum)}`);
}

async function rawFor(url: string, version: 5 | 6, ids: readonly string[]): Promise<Contender> {
  const redis = version === 6 ? redis6(url, true) : redis5(url, { enableAutoPipelining: true });
  const keys = ids.map((id) => `raw:${id}`);
  await inGroups(ids, (id, i) => redis.set(keys[i] as string, JSON.stringify(rowOf(id)), "PX", 600_000));
  return {
    read: async (i) => JSON.parse((await redis.get(keys[i] as string)) ?? "null") as Row,
    close: async () => redis.disconnect(),
  };
}

async function layeredFor(url: string, ids: readonly string[]): Promise<Contender> {
  const load = async (id: string) => rowOf(id);
  const node = await startLayeredLoader({
    url,
    prefix: "layered",
    load,
    memory: false,
    client: { enableAutoPipelining: true },
  });
  await inGroups(ids, (id) => node.get(id));
  return { read: (i) => node.get(ids[i] as string), close: node.close };
}

async function inGroups(ids: readonly string[], act: (id: string, i: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < ids.length; from += 500) {
    await Promise.all(ids.slice(from, from + 500).map((id, i) => act(id, from + i)));
  }
}

interface Sides extends Expectation {
  readonly ours: Measured;
  readonly peer: Measured;
  readonly against: string;
}

function resultOf(bench: string, { ours, peer, against, gate, goal }: Sides): Line {
  return line({
    bench: `cache: ${bench}`,
    unit: "reads/s",
    ours: ours.opsPerSecond,
    peer: peer.opsPerSecond,
    against,
    ratio: peer.ratio / ours.ratio,
    gate,
    goal,
  });
}
