import { setTimeout as sleep } from "node:timers/promises";
import { judge, type Line, startRedis, waitUntil } from "@scale/testkit";
import type { Redis } from "ioredis";
import { line } from "../gate.js";
import { createBento } from "./peers/bentocache.js";
import { redis6 } from "./peers/node.js";
import { type OurNode, startOurs } from "./peers/ours.js";
import { rowOf } from "./rows.js";

const TAG = "customer-1";
const SMALL = 1000;
const SAMPLES = 5;
/** Concurrent callers that fill a tenant. */
const CALLERS = 200;

type End = "tenant" | "tag";

/**
 * Invalidation of all values of a tenant or of a tag, as after an import or a change of a customer. Redis and the memory of this
 * process hold all of them. A time is that of the whole call, and the tenant is full before each call. The peer is filled once
 * for each figure, and has no gate.
 */
export async function* ends(smoke: boolean): AsyncIterable<Line> {
  const large = smoke ? 2000 : 100_000;
  const server = await startRedis();
  const redis = redis6(server.url);
  const ours = await startOurs({
    ...{ url: server.url, prefix: "ends", load: async (id: string) => rowOf(id) },
    tags: () => [TAG],
  });
  try {
    for (const end of ["tenant", "tag"] as const) {
      const times = { small: [] as number[], large: [] as number[] };
      for (let i = 0; i < (smoke ? 1 : SAMPLES); i++) {
        // Interleaved, so that a slow phase of the machine affects both.
        times.small.push(await timeOurs(ours, redis, { end, rows: SMALL, tenantId: `small-${end}-${i}` }));
        times.large.push(await timeOurs(ours, redis, { end, rows: large, tenantId: `large-${end}-${i}` }));
      }
      const peer = await timeBento(server.url, { end, rows: large });
      yield* linesOf(`a ${end} of ${large} rows ends`, {
        small: median(times.small),
        large: median(times.large),
        peer,
      });
    }
  } finally {
    await ours.close();
    redis.disconnect();
    await server.stop();
  }
}

function* linesOf(bench: string, { small, large, peer }: Record<"small" | "large" | "peer", number>): Iterable<Line> {
  const about = { bench: `cache: ${bench}`, unit: "ms", ours: large };
  // The gate is an absolute time, not a ratio.
  yield { ...about, peer, against: "bentocache", ...judge(large, { gate: { atMost: 3 } }) };
  const flat = { ...about, bench: `cache: ${bench}, beside ${SMALL} rows` };
  yield line({ ...flat, peer: small, against: "ours", ratio: large / small, gate: { atMost: 2 } });
}

interface Trial {
  readonly end: End;
  readonly rows: number;
}

async function timeOurs(ours: OurNode, redis: Redis, trial: Trial & { readonly tenantId: string }): Promise<number> {
  const { end, rows, tenantId } = trial;
  const tenant = ours.tenant(tenantId);
  await redis.flushall();
  await filled(rows, (id) => tenant.get(ours.row, { id }));
  const inRedis = async (): Promise<boolean> => (await redis.dbsize()) > rows;
  await waitUntil(inRedis, { what: "all rows are in Redis" });
  await waitUntil(() => tenant.peek(ours.row, { id: `row-${rows - 1}` }) !== undefined, { what: "memory is filled" });
  return timeMs(async () => {
    const { state } = await (end === "tenant" ? tenant.clear() : tenant.invalidateTags([TAG]));
    if (state !== "applied") throw new Error(`${end}: ${state}`);
    if (tenant.peek(ours.row, { id: "row-0" }) !== undefined) throw new Error(`${end}: a row did not end`);
  });
}

async function timeBento(url: string, { end, rows }: Trial): Promise<number> {
  const bento = createBento({ url, prefix: `bento-${end}`, load: async (id) => rowOf(id) });
  const tenant = bento.namespace("acme");
  try {
    await filled(rows, (key) => tenant.getOrSet({ key, factory: () => rowOf(key), tags: [TAG] }));
    return await timeMs(() => (end === "tenant" ? tenant.clear() : tenant.deleteByTag({ tags: [TAG] })));
  } finally {
    await bento.disconnectAll();
  }
}

async function filled(rows: number, read: (id: string) => Promise<unknown>): Promise<void> {
  let next = 0;
  const caller = async (): Promise<void> => {
    while (next < rows) await read(`row-${next++}`);
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

async function timeMs(act: () => Promise<unknown>): Promise<number> {
  // Lets garbage of the filling be collected before the measurement.
  await sleep(200);
  const start = performance.now();
  await act();
  return performance.now() - start;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
