import { setTimeout as sleep } from "node:timers/promises";
import type { Line, SectionOptions } from "@scale/testkit";
import type { RedisUsage } from "@scale/quota/redis";
import { line } from "../bound.js";
import { change, TENANT, type UsageServers } from "./usage-servers.js";

const FLUSH_EVERY_MS = 200;
/** Duration of one flush. */
const SLACK_MS = 100;

/** What does a tenant get when Redis loses all its data in the middle of a period? */
export async function* loss(servers: UsageServers, { smoke }: SectionOptions): AsyncIterable<Line> {
  yield* atRest(servers);
  yield* underLoad(servers, smoke ? 400 : 2000);
}

const use = (store: RedisUsage, metric: string, max: number) =>
  store.consume({ tenantId: TENANT, changes: [change(metric, 1, max)] });

async function* atRest({ redis, start }: UsageServers): AsyncIterable<Line> {
  const store = start(60_000);
  for (let i = 0; i < 70; i++) await use(store, "rest", 100);
  await store.flush();
  await redis.flushall();
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => use(store, "rest", 100)));
  const admitted = 70 + outcomes.filter(({ admitted: isAdmitted }) => isAdmitted).length;
  await store.close();
  const about = "quota: Redis wiped at 70 of 100";
  yield line({ proof: `${about}, admitted in all`, unit: "units", value: admitted, bound: { atLeast: 100 } });
  yield line({
    proof: `${about}, admitted beyond the limit`,
    unit: "units",
    value: admitted - 100,
    bound: { atMost: 0 },
  });
}

async function* underLoad({ redis, start, written }: UsageServers, lengthMs: number): AsyncIterable<Line> {
  const store = start(FLUSH_EVERY_MS);
  const admittedAt: number[] = [];
  const until = performance.now() + lengthMs;
  const load = async (): Promise<void> => {
    while (performance.now() < until) if ((await use(store, "load", 1e9)).admitted) admittedAt.push(performance.now());
  };
  const running = Promise.all(Array.from({ length: 8 }, load));
  await sleep(lengthMs / 2);
  const wipedAt = performance.now();
  await redis.flushall();
  await running;
  await store.close();
  const lost = admittedAt.length - (await written("load"));
  const inWindow = admittedAt.filter(
    (at) => at > wipedAt - FLUSH_EVERY_MS - SLACK_MS && at <= wipedAt + SLACK_MS,
  ).length;
  const about = `quota: Redis wiped under load, written every ${FLUSH_EVERY_MS} ms`;
  yield line({ proof: `${about}, admitted`, unit: "units", value: admittedAt.length, bound: { atLeast: 100 } });
  yield line({ proof: `${about}, lost`, unit: "units", value: lost, bound: { atMost: inWindow } });
}
