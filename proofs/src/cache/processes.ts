import {
  type Line,
  packageFile,
  type ProcessPool,
  type RedisServer,
  type SectionOptions,
  seededRandom,
  startProcessPool,
  startRedis,
  waitUntil,
} from "@scale/testkit";
import { Redis } from "ioredis";
import type { Ask } from "@scale/cache/scenarios";
import { line } from "../bound.js";

const SEED = 20_261_120;
const PROCESSES = 4;
const CALLERS = 1000;
const LEASE_MS = 400;

interface Reply {
  /** Number of different values that the callers of one process got. */
  readonly values: number;
  readonly value: number;
}

/** The number of loads of a cold key by four processes with a thousand callers each, also if the loading process is killed. */
export async function* processes({ smoke }: SectionOptions): AsyncIterable<Line> {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const random = seededRandom(SEED);
  try {
    yield* cold(server, redis, { random, rounds: smoke ? 2 : 40 });
    yield* killed(server, redis, { random, rounds: smoke ? 1 : 10 });
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

interface Rounds {
  readonly random: () => number;
  readonly rounds: number;
}

async function* cold(server: RedisServer, redis: Redis, { random, rounds }: Rounds): AsyncIterable<Line> {
  const pool = await startPool(server.url, "cold");
  const loads: number[] = [];
  let different = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      // Up to three lifetimes of a lease, which the loading process renews.
      const loadMs = random() * (round % 5 === 0 ? LEASE_MS * 3 : 100);
      const replies = await pool.all({ key: `${round}`, loadMs, callers: CALLERS } satisfies Ask);
      loads.push(await loadsOf(redis, "cold", `${round}`));
      different += replies.filter(({ values, value }) => values !== 1 || value !== 1).length;
    }
  } finally {
    await pool.close();
  }
  const about = `cache: ${PROCESSES} processes x ${CALLERS} callers on a cold key x ${rounds} (seed ${SEED})`;
  yield line({ proof: `${about}, fewest loads`, unit: "loads", value: Math.min(...loads), bound: { atLeast: 1 } });
  yield line({ proof: `${about}, most loads`, unit: "loads", value: Math.max(...loads), bound: { atMost: 1 } });
  const proof = `${about}, processes whose callers got something else`;
  yield line({ proof, unit: "processes", value: different, bound: { atMost: 0 } });
}

async function* killed(server: RedisServer, redis: Redis, { random, rounds }: Rounds): AsyncIterable<Line> {
  const loads: number[] = [];
  let different = 0;
  for (let round = 0; round < rounds; round++) {
    const prefix = `killed-${round}`;
    const pool = await startPool(server.url, prefix);
    try {
      const all = pool.all({ key: "row", loadMs: LEASE_MS * 2, callers: CALLERS } satisfies Ask).catch(() => undefined);
      const holder = async (): Promise<number> => Number(await redis.get(`${prefix}:loader:row`));
      await waitUntil(async () => (await holder()) > 0, { what: "a process loads", everyMs: 2 });
      const pid = await holder();
      await new Promise((resolve) => setTimeout(resolve, random() * LEASE_MS));
      await pool.kill(pool.pids.indexOf(pid));
      await all;
      const replies = await pool.all({ key: "row", loadMs: 0, callers: CALLERS } satisfies Ask);
      different += replies.filter(({ values, value }) => values !== 1 || value !== 2).length;
      loads.push(await loadsOf(redis, prefix, "row"));
    } finally {
      await pool.close();
    }
  }
  const about = `cache: the process that loads is killed x ${rounds} (seed ${SEED})`;
  yield line({ proof: `${about}, fewest loads`, unit: "loads", value: Math.min(...loads), bound: { atLeast: 2 } });
  yield line({ proof: `${about}, most loads`, unit: "loads", value: Math.max(...loads), bound: { atMost: 2 } });
  const proof = `${about}, living processes whose callers got something else`;
  yield line({ proof, unit: "processes", value: different, bound: { atMost: 0 } });
}

function startPool(url: string, prefix: string): Promise<ProcessPool<Reply>> {
  const args = { url, prefix, leaseMs: LEASE_MS };
  const parse = (reply: unknown): Reply => reply as Reply;
  const script = packageFile(import.meta.url, "@scale/cache", "scenarios/process.worker.ts");
  return startProcessPool({ size: PROCESSES, script, args, parse });
}

const loadsOf = async (redis: Redis, prefix: string, key: string): Promise<number> =>
  Number(await redis.get(`${prefix}:loads:${key}`));
