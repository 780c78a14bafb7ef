import { setTimeout as sleep } from "node:timers/promises";
import { type Line, seededRandom, startRedis, waitUntil } from "@scale/testkit";
import { line } from "../bound.js";
import { DroppingClient, type Receipts } from "./client.js";
import { openStage, type Stage } from "./processes.js";
import { SEED } from "./stage.js";

export interface Load {
  readonly clients: number;
  readonly events: number;
  readonly perSecond: number;
}

/** Publishes events at a steady rate, with `at` called before each. */
export async function publishAll(
  stage: Stage,
  { events, perSecond }: Load,
  at?: (n: number) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now();
  for (let n = 0; n < events; n++) {
    await at?.(n);
    await stage.publish(n);
    const aheadMs = (n * 1000) / perSecond - (performance.now() - startedAt);
    if (aheadMs > 1) await sleep(aheadMs);
  }
}

/** Connects clients that drop, and waits until each has its first position. */
export async function connectAll(stage: Stage, count: number, resumes = true): Promise<DroppingClient[]> {
  const random = seededRandom(SEED);
  const clients = Array.from(
    { length: count },
    () => new DroppingClient({ urls: stage.urls, random, dropMs: [100, 700], resumes }),
  );
  await waitUntil(() => clients.every(({ isReady }) => isReady), {
    what: "every client is connected",
    timeoutMs: 60_000,
  });
  return clients;
}

/** Lets every client come to rest, and judges what it got. */
export async function settleAll(clients: readonly DroppingClient[], events: number): Promise<Receipts[]> {
  for (const client of clients) client.settle();
  const hasAll = ({ receipts: { last } }: DroppingClient): boolean => last === events - 1;
  // A client that never gets the last event is counted below.
  await waitUntil(() => clients.every(hasAll), { what: "the last event", timeoutMs: 60_000 }).catch(() => undefined);
  await sleep(500);
  for (const client of clients) client.close();
  for (const { receipts } of clients) receipts.end(events);
  return clients.map(({ receipts }) => receipts);
}

export const sum = (receipts: readonly Receipts[], read: (one: Receipts) => number): number =>
  receipts.reduce((total, one) => total + read(one), 0);

/** Do clients that drop their connections and hop between processes get every event once, in order? */
export async function* drops(load: Load): AsyncIterable<Line> {
  const redis = await startRedis();
  try {
    const what = `${load.clients} clients that drop at random over 2 processes (seed ${SEED}), ${load.events} events`;
    const stage = await openStage(redis.url);
    const clients = await connectAll(stage, load.clients);
    await publishAll(stage, load);
    const receipts = await settleAll(clients, load.events);
    await stage.close();
    const connects = clients.reduce((total, client) => total + client.connects, 0);
    yield count(`${what}: connects`, connects, { atLeast: load.clients * 2 });
    yield count(
      `${what}: received`,
      sum(receipts, (one) => one.received),
      { atLeast: load.clients * load.events },
    );
    yield count(
      `${what}: lost`,
      sum(receipts, (one) => one.lost),
      { atMost: 0 },
    );
    yield count(
      `${what}: duplicated`,
      sum(receipts, (one) => one.duplicated),
      { atMost: 0 },
    );
    yield count(
      `${what}: out of order`,
      sum(receipts, (one) => one.outOfOrder),
      { atMost: 0 },
    );
    yield count(
      `${what}: resets`,
      sum(receipts, (one) => one.resets),
      { atMost: 0 },
    );
    yield* control(redis.url, load);
  } finally {
    await redis.stop();
  }
}

/** Without ids the same clients lose events: otherwise the load would prove nothing. */
async function* control(redisUrl: string, load: Load): AsyncIterable<Line> {
  const stage = await openStage(redisUrl);
  const clients = await connectAll(stage, load.clients, false);
  await publishAll(stage, load);
  const receipts = await settleAll(clients, load.events);
  await stage.close();
  yield count(
    "the same without Last-Event-ID: lost",
    sum(receipts, (one) => one.lost),
    { atLeast: 1 },
  );
}

export const count = (proof: string, value: number, bound: { atLeast: number } | { atMost: number }): Line =>
  line({ proof: `sse-resume: ${proof}`, unit: "events", value, bound });
