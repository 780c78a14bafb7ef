import { setTimeout as sleep } from "node:timers/promises";
import {
  type Answer,
  type Line,
  percentile,
  type RedisServer,
  type SectionOptions,
  seededRandom,
  startLoad,
  startPostgres,
  startRedis,
  waitUntil,
} from "@scale/testkit";
import { line } from "../bound.js";
import { type Hero, startHero } from "./hero.js";

const SEED = 20_261_120;
const REQUESTS_PER_SECOND = 200;
/** On the largest plan, so that the limits themselves deny none of the load. */
const TENANTS = ["amber", "fjord"].flatMap((first) =>
  ["labs", "foods", "motors", "studio", "works"].map((second) => `${first}-${second}`),
);

/** A way for Redis to fail, and to come back. */
interface Fault {
  readonly name: string;
  begin(redis: RedisServer): Promise<void>;
  end(redis: RedisServer): Promise<void>;
}

const FAULTS: readonly Fault[] = [
  { name: "SIGSTOP", begin: async (redis) => redis.pause(), end: async (redis) => redis.resume() },
  { name: "kill -9", begin: (redis) => redis.kill(), end: (redis) => redis.restart() },
  { name: "restart", begin: async () => undefined, end: (redis) => redis.restart() },
];

interface Window {
  readonly from: number;
  readonly to: number;
}

/** Does the example keep answering, in time, while its Redis freezes, dies and restarts under load? */
export async function* outage({ smoke }: SectionOptions): AsyncIterable<Line> {
  const [redis, postgres] = await Promise.all([startRedis(), startPostgres()]);
  const hero = await startHero({ databaseUrl: postgres.primary.url, redisUrl: redis.url });
  try {
    yield* measure({ hero, redis, cycles: smoke ? 1 : 4, calmMs: smoke ? 500 : 6000 });
  } finally {
    await hero.stop();
    await Promise.all([redis.stop(), postgres.stop()]);
  }
}

interface Setup {
  readonly hero: Hero;
  readonly redis: RedisServer;
  readonly cycles: number;
  readonly calmMs: number;
}

async function* measure({ hero, redis, cycles, calmMs }: Setup): AsyncIterable<Line> {
  const random = seededRandom(SEED);
  const load = startLoad({ url: `${hero.url}/contacts`, requestsPerSecond: REQUESTS_PER_SECOND, headers });
  await sleep(Math.min(calmMs, 2000)); // The first requests compile code and open connections.
  const calm = await during(() => sleep(calmMs));
  const outages: Window[] = [];
  const recoveries: number[] = [];
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (const fault of FAULTS) {
      outages.push(await during(() => suffer(fault, { redis, lengthMs: 300 + random() * 2200 })));
      recoveries.push(await recovery(hero));
      await sleep(200 + random() * 800);
    }
  }
  const { local } = await hero.decisions();
  await load.stop();
  yield* judge({ answers: load.answers, calm, outages, recoveries, local });
}

const headers = (n: number): Record<string, string> => ({
  "x-tenant-id": TENANTS[n % TENANTS.length] ?? "",
  "x-user-id": `user-${n % 97}`,
});

async function during(what: () => Promise<unknown>): Promise<Window> {
  const from = performance.now();
  await what();
  return { from, to: performance.now() };
}

async function suffer(fault: Fault, { redis, lengthMs }: { redis: RedisServer; lengthMs: number }): Promise<void> {
  await fault.begin(redis);
  await sleep(lengthMs);
  await fault.end(redis);
}

/** Milliseconds until Redis decides again. Two decisions: the first may have been under way when it failed. */
async function recovery(hero: Hero): Promise<number> {
  const from = performance.now();
  const before = (await hero.decisions()).store;
  await waitUntil(async () => (await hero.decisions()).store >= before + 2, { what: "decisions by Redis", everyMs: 5 });
  return performance.now() - from;
}

interface Observed {
  readonly answers: readonly Answer[];
  readonly calm: Window;
  readonly outages: readonly Window[];
  readonly recoveries: readonly number[];
  readonly local: number;
}

function* judge({ answers, calm, outages, recoveries, local }: Observed): Iterable<Line> {
  const within = ({ from, to }: Window): number[] =>
    answers.filter(({ dueAt }) => dueAt >= from && dueAt < to).map(({ latencyMs }) => latencyMs);
  const failed = answers.filter(({ status }) => status === 0 || status >= 500).length;
  const p99 = { calm: percentile(within(calm), 0.99), outage: percentile(outages.flatMap(within), 0.99) };
  const about = `outage: ${outages.length} faults of Redis under ${REQUESTS_PER_SECOND} requests/s (seed ${SEED})`;
  yield line({ proof: `${about}, answers`, unit: "answers", value: answers.length, bound: { atLeast: 100 } });
  yield line({ proof: "outage: answers 5xx or missing", unit: "answers", value: failed, bound: { atMost: 0 } });
  yield line({
    proof: "outage: decided by this process alone",
    unit: "decisions",
    value: local,
    bound: { atLeast: 1 },
  });
  yield line({ proof: "outage: p99 when calm", unit: "ms", value: p99.calm, bound: { atMost: 1000 } });
  yield line({
    proof: "outage: p99 added during faults",
    unit: "ms",
    value: p99.outage - p99.calm,
    bound: { atMost: 50 },
  });
  yield line({
    proof: "outage: slowest recovery",
    unit: "ms",
    value: Math.max(...recoveries),
    bound: { atMost: 1000 },
  });
}
