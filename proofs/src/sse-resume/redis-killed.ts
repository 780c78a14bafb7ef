import { setTimeout as sleep } from "node:timers/promises";
import { type Line, startRedis } from "@scale/testkit";
import { connectAll, count, type Load, publishAll, settleAll, sum } from "./drops.js";
import { openStage } from "./processes.js";

/** Milliseconds for which Redis is down. */
const DOWN_MS = 500;

/** Redis is killed midway: does every client get all events, or a reset? */
export async function* redisKilled(load: Load): AsyncIterable<Line> {
  yield* killed(load, { aof: true, afterRestart: "resume" });
  yield* killed(load, { aof: false, afterRestart: "reset" });
}

interface Kind {
  readonly aof: boolean;
  readonly afterRestart: "reset" | "resume";
}

async function* killed(load: Load, { aof, afterRestart }: Kind): AsyncIterable<Line> {
  const redis = await startRedis({ aof });
  try {
    const stage = await openStage(redis.url, { afterRestart });
    const clients = await connectAll(stage, load.clients);
    await publishAll(stage, load, async (n) => {
      if (n !== Math.floor(load.events / 2)) return;
      await redis.kill();
      void sleep(DOWN_MS).then(() => redis.restart());
    });
    const receipts = await settleAll(clients, load.events);
    const what = aof ? "Redis with appendfsync always is killed midway" : "Redis without persistence is killed midway";
    yield count(`${what}: publications that were rejected`, stage.repeated, { atLeast: 1 });
    yield count(
      `${what}: lost without a reset`,
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
    const resets = receipts.map((one) => one.resets);
    if (aof) yield count(`${what}: resets`, Math.max(...resets), { atMost: 0 });
    else {
      yield count(`${what}: fewest resets of a client`, Math.min(...resets), { atLeast: 1 });
      yield count(`${what}: most resets of a client`, Math.max(...resets), { atMost: 1 });
    }
    await stage.close();
  } finally {
    await redis.stop();
  }
}
