import { setTimeout as sleep } from "node:timers/promises";
import { type Line, startRedis } from "@scale/testkit";
import { line } from "../gate.js";
import { ours } from "./contenders.js";

export interface SharesOptions {
  /** Jobs that are counted. */
  readonly jobs: number;
  /** Milliseconds for which running time is counted. */
  readonly durationMs: number;
}

const WEIGHTS = { small: 1, medium: 3, large: 6 } as const;

/** Do tenants get what their weights say, and no more running time for slower jobs? */
export async function* shares({ jobs, durationMs }: SharesOptions): AsyncIterable<Line> {
  const server = await startRedis();
  try {
    yield await weights(server.url, jobs);
    yield await slowJobs(server.url, durationMs);
  } finally {
    await server.stop();
  }
}

/** The greatest deviation of a tenant's share of the first jobs. */
async function weights(url: string, jobs: number): Promise<Line> {
  const contender = ours(url);
  for (const [tenantId, weight] of Object.entries(WEIGHTS)) {
    await contender.add(
      Array.from({ length: jobs }, () => tenantId),
      { share: { weight } },
    );
  }
  const started: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const run = (job: { readonly tenantId: string }): { kind: "done"; usedMs: number } => {
      started.push(job.tenantId);
      if (started.length === jobs) resolve();
      return { kind: "done", usedMs: 1 };
    };
    contender.work({ concurrency: 20, run }).catch(reject);
  });
  await contender.close();
  const counted = started.slice(0, jobs);
  const deviations = Object.entries(WEIGHTS).map(([tenantId, weight]) => {
    const share = counted.filter((started) => started === tenantId).length / jobs;
    return Math.abs(share / (weight / 10) - 1);
  });
  return line({
    ...{
      bench: "queue: weights 1 : 3 : 6",
      unit: "greatest deviation of a share",
      ours: Math.max(...deviations),
      peer: 0,
    },
    ...{ against: "the weights", ratio: Math.max(...deviations), gate: { atMost: 0.05 } },
  });
}

/** The share of worker time of a tenant whose jobs take ten times as long. */
async function slowJobs(url: string, durationMs: number): Promise<Line> {
  const contender = ours(url, { charge: "time" });
  const jobs = Math.ceil(durationMs * 5);
  await contender.add(Array.from({ length: jobs }, (_, i) => (i % 2 === 0 ? "slow" : "fast")));
  const usedMs = { slow: 0, fast: 0 };
  const endsAt = performance.now() + durationMs;
  await contender.work({
    concurrency: 10,
    async run({ tenantId }) {
      const startedAt = performance.now();
      await sleep(tenantId === "slow" ? 40 : 4);
      const used = performance.now() - startedAt;
      if (performance.now() < endsAt) usedMs[tenantId as "slow" | "fast"] += used;
      return { kind: "done", usedMs: used };
    },
  });
  await sleep(durationMs);
  await contender.close();
  const share = usedMs.slow / (usedMs.slow + usedMs.fast);
  return line({
    ...{
      bench: "queue: a tenant with jobs ten times as slow, beside one other",
      unit: "share of worker time",
      ours: share,
    },
    ...{ peer: 0.5, against: "an equal share", ratio: share / 0.5, gate: { atMost: 1.1 } },
  });
}
