import { compareAll, type Line, startRedis } from "@scale/testkit";
import { createHub } from "@scale/realtime";
import { redisHub } from "@scale/realtime/redis";
import { Redis } from "ioredis";
import { line } from "../gate.js";

/** What does an event cost that is kept and numbered, beside one that is only published? */
export async function* publish(smoke: boolean): AsyncIterable<Line> {
  const server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: 0 });
  const hub = createHub({
    store: redisHub({ redis, prefix: "bench", timeoutMs: 10_000 }),
    topics: { "t.{n}": { authorize: () => true } },
  });
  const listener = redis.duplicate();
  try {
    // One subscriber for either, which reads and drops the messages.
    await listener.subscribe("plain", "bench:{acme}:topic:t.0");
    const data = "x".repeat(200);
    const body = JSON.stringify({ topic: "t.0", data });
    let n = 0;
    const variants = {
      ours: () => hub.publish("t.0", data, { tenantId: "acme" }),
      tenants: () => hub.publish("t.0", data, { tenantId: `tenant-${n++ % 100}` }),
      plain: () => redis.publish("plain", body),
    };
    for (const concurrency of [100, 1]) {
      const rounds = smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: 21, warmup: 3, durationMs: 150 };
      const sides = await compareAll(variants, { ...rounds, concurrency });
      for (const [name, what] of [
        ["ours", "one tenant"],
        ["tenants", "100 tenants"],
      ] as const) {
        yield line({
          bench: `realtime: publish, ${what}, concurrency ${concurrency}`,
          unit: "us",
          ours: 1e6 / sides[name].opsPerSecond,
          peer: 1e6 / sides.plain.opsPerSecond,
          against: "PUBLISH on the same connection",
          ratio: sides[name].ratio / sides.plain.ratio,
          // One at a time, a publication is a script against a command: no round trip hides its time.
          gate: { atMost: concurrency === 1 ? 2.5 : 1.6 },
          goal: { atMost: 1.6 },
        });
      }
    }
  } finally {
    hub.close();
    for (const each of [redis, listener]) each.disconnect();
    await server.stop();
  }
}
