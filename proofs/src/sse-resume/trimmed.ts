import { type Line, startRedis, waitUntil } from "@scale/testkit";
import { connectAll, count, type Load, publishAll, sum } from "./drops.js";
import { openStage } from "./processes.js";

/** Clients that were away while their history was trimmed: does each get one reset, and then every event? */
export async function* trimmed(load: Load): AsyncIterable<Line> {
  const redis = await startRedis();
  try {
    const stage = await openStage(redis.url, { historyEvents: 100 });
    const clients = await connectAll(stage, load.clients);
    for (const client of clients) client.pause();
    await publishAll(stage, load);
    for (const client of clients) client.settle();
    await waitUntil(() => clients.every(({ receipts }) => receipts.resets > 0), { what: "the resets" }).catch(
      () => undefined,
    );
    await stage.publish(load.events);
    const hasLast = (): boolean => clients.every(({ receipts }) => receipts.last === load.events);
    await waitUntil(hasLast, { what: "the event after the resets" }).catch(() => undefined);
    const receipts = clients.map((client) => client.receipts);
    for (const client of clients) client.close();
    await stage.close();
    const resets = receipts.map((one) => one.resets);
    const what = "clients whose history was trimmed while they were away";
    yield count(`${what}: fewest resets`, Math.min(...resets), { atLeast: 1 });
    yield count(`${what}: most resets`, Math.max(...resets), { atMost: 1 });
    yield count(`${what}: without the event after it`, receipts.filter((one) => one.last !== load.events).length, {
      atMost: 0,
    });
    yield count(
      `${what}: lost without a reset`,
      sum(receipts, (one) => one.lost),
      { atMost: 0 },
    );
  } finally {
    await redis.stop();
  }
}
