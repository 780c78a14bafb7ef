import { type Line, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { line } from "../gate.js";
import { type Contender, ours, plain } from "./contenders.js";

const CONCURRENCY = 50;

export interface CostOptions {
  readonly rounds: number;
  readonly jobs: number;
  readonly tenants: number;
}

interface Round {
  readonly addCpuUs: number;
  readonly runCpuUs: number;
  readonly cpuUs: number;
  readonly jobsPerSecond: number;
}

/** What does a job cost in Redis, from its enqueue to its end, and how many run in a second? Rounds of both alternate. */
export async function* cost({ rounds, jobs, tenants }: CostOptions): AsyncIterable<Line> {
  const server = await startRedis();
  const admin = new Redis(server.url);
  const sides = { ours: [] as Round[], plain: [] as Round[] };
  try {
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? (["ours", "plain"] as const) : (["plain", "ours"] as const);
      for (const side of order) {
        const contender = side === "ours" ? ours(server.url) : plain(server.url);
        sides[side].push(await runRound({ contender, admin, jobs, tenants }));
        await admin.flushall();
      }
    }
  } finally {
    admin.disconnect();
    await server.stop();
  }
  const bench = `queue: ${jobs} jobs of ${tenants} ${tenants === 1 ? "tenant" : "tenants"}, concurrency ${CONCURRENCY}`;
  const against = "BullMQ alone";
  yield line({
    ...{ bench, unit: "Redis CPU us/job", against, ...pair(sides, "cpuUs") },
    ratio: median(ratios(sides, "cpuUs")),
    gate: { atMost: 1.25 },
  });
  yield line({
    ...{ bench, unit: "Redis CPU us/job, enqueue", against, ...pair(sides, "addCpuUs") },
    ratio: median(ratios(sides, "addCpuUs")),
  });
  yield line({
    ...{ bench, unit: "Redis CPU us/job, run", against, ...pair(sides, "runCpuUs") },
    ratio: median(ratios(sides, "runCpuUs")),
  });
  yield line({
    ...{ bench, unit: "jobs/s", against, ...pair(sides, "jobsPerSecond") },
    ratio: median(ratios(sides, "jobsPerSecond")),
    gate: { atLeast: 0.8 },
    goal: { atLeast: 1 },
  });
}

interface RoundInput {
  readonly contender: Contender;
  readonly admin: Redis;
  readonly jobs: number;
  readonly tenants: number;
}

async function runRound({ contender, admin, jobs, tenants }: RoundInput): Promise<Round> {
  const tenantIds = Array.from({ length: jobs }, (_, i) => `tenant-${i % tenants}`);
  const before = await usedCpuUs(admin);
  await contender.add(tenantIds);
  const added = await usedCpuUs(admin);
  const startedAt = performance.now();
  let done = 0;
  await new Promise<void>((resolve, reject) => {
    const run = (): { kind: "done"; usedMs: number } => {
      if (++done === jobs) resolve();
      return { kind: "done", usedMs: 1 };
    };
    contender.work({ concurrency: CONCURRENCY, run }).catch(reject);
  });
  const seconds = (performance.now() - startedAt) / 1000;
  await contender.close();
  const after = await usedCpuUs(admin);
  return {
    addCpuUs: (added - before) / jobs,
    runCpuUs: (after - added) / jobs,
    cpuUs: (after - before) / jobs,
    jobsPerSecond: jobs / seconds,
  };
}

async function usedCpuUs(admin: Redis): Promise<number> {
  const info = await admin.info("cpu");
  const of = (name: string): number => Number(new RegExp(`^${name}:(.+)$`, "m").exec(info)?.[1]);
  return (of("used_cpu_user") + of("used_cpu_sys")) * 1e6;
}

type Sides = Readonly<Record<"ours" | "plain", readonly Round[]>>;

const pair = (sides: Sides, key: keyof Round): { ours: number; peer: number } => ({
  ours: median(sides.ours.map((round) => round[key])),
  peer: median(sides.plain.map((round) => round[key])),
});

const ratios = (sides: Sides, key: keyof Round): readonly number[] =>
  sides.ours.map((round, i) => round[key] / (sides.plain[i]?.[key] ?? Number.NaN));

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
