import { judge, type Line, startRedis } from "@scale/testkit";
import { startServer } from "./server.js";
import type { Setup } from "./server.worker.js";

const MIB = 2 ** 20;
const EVENT_BYTES = 16 * 1024;

/** How much memory does one client take that reads nothing, while everything goes past it? */
export async function* stalled(smoke: boolean): AsyncIterable<Line> {
  const mib = smoke ? 4 : 200;
  const redis = await startRedis();
  try {
    for (const whenSlow of ["disconnect", "coalesce", "drop"] as const) {
      const ours = await growth({ contender: "ours", redisUrl: redis.url, whenSlow }, mib);
      yield {
        bench: `realtime: RSS by one stalled client under ${mib} MiB, ${whenSlow}`,
        unit: "MiB",
        ours,
        ...judge(ours, { gate: { atMost: 20 } }),
      };
    }
    // The control: without a bound the client keeps everything.
    const peer = await growth({ contender: "better-sse", redisUrl: redis.url }, mib);
    yield {
      bench: `realtime: RSS by one stalled client under ${mib} MiB, better-sse`,
      unit: "MiB",
      ours: peer,
      ...judge(peer, { gate: undefined }),
    };
  } finally {
    await redis.stop();
  }
}

/** Growth of the greatest RSS by a stalled client, over that of the same broadcast without it. */
async function growth(setup: Setup, mib: number): Promise<number> {
  const server = await startServer(setup, 1);
  try {
    const events = (mib * MIB) / EVENT_BYTES;
    const broadcast = async (): Promise<number> => {
      await server.usage();
      await server.broadcast({ events, bytes: EVENT_BYTES, atOnce: 10, readers: 1 });
      return (await server.usage()).maxRssBytes;
    };
    await broadcast();
    const without = await broadcast();
    await server.clients.stall();
    return ((await broadcast()) - without) / MIB;
  } finally {
    await server.close();
  }
}
