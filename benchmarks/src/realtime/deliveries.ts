import { compareAll, judge, type Line, startRedis } from "@scale/testkit";
import { Redis } from "ioredis";
import { line } from "../gate.js";
import { type BenchServer, startServer } from "./server.js";
import type { Contender } from "./server.worker.js";

/** Size of the data of an event. */
const BYTES = 200;

interface Size {
  readonly connections: number;
  readonly events: number;
  readonly rounds: number;
  /** Events of one turn of the event loop. */
  readonly atOnce: number;
}

/** What does a delivery to one of many clients cost, beside the plain write and beside the library in use? */
export async function* deliveries(smoke: boolean): AsyncIterable<Line> {
  const size = smoke ? { connections: 50, events: 2, rounds: 1 } : { connections: 5000, events: 20, rounds: 7 };
  const redis = await startRedis();
  const servers = new Map<Contender, BenchServer>();
  try {
    for (const contender of ["ours", "res.write", "better-sse"] as const)
      servers.set(contender, await startServer({ contender, redisUrl: redis.url }, size.connections));
    yield await connectionsOf(redis.url, size.connections);
    for (const atOnce of [1, 10]) yield* compared(servers, { ...size, atOnce });
  } finally {
    for (const server of servers.values()) await server.close();
    await redis.stop();
  }
}

async function* compared(servers: ReadonlyMap<Contender, BenchServer>, size: Size): AsyncIterable<Line> {
  const { connections, events, rounds, atOnce } = size;
  const what = `${connections} connections, ${atOnce === 1 ? "one event" : `${atOnce} events`} at once`;
  const cpuUs = new Map<Contender, number>();
  const round = (contender: Contender) => async (): Promise<void> => {
    const server = servers.get(contender);
    if (server === undefined) return;
    const before = await server.usage();
    await server.broadcast({ events, bytes: BYTES, atOnce, readers: connections });
    const after = await server.usage();
    cpuUs.set(contender, (cpuUs.get(contender) ?? 0) + after.cpuUs - before.cpuUs);
  };
  const variants = { ours: round("ours"), "res.write": round("res.write"), "better-sse": round("better-sse") };
  const sides = await compareAll(variants, { rounds, warmup: 1, iterations: 1 });
  const perSecond = (name: Contender): number => sides[name].opsPerSecond * events * connections;
  const beside = (peer: Contender, gate: number): Line =>
    line({
      bench: `realtime: deliveries to ${what}`,
      unit: "deliveries/s",
      ours: perSecond("ours"),
      peer: perSecond(peer),
      against: peer,
      ratio: sides[peer].ratio / sides.ours.ratio,
      gate: { atLeast: gate },
    });
  yield beside("res.write", 0.9);
  yield beside("better-sse", 1.3);
  const cpuOf = (name: Contender): number => (cpuUs.get(name) ?? 0) / ((rounds + 2) * events * connections);
  for (const peer of ["res.write", "better-sse"] as const) {
    yield line({
      bench: `realtime: CPU of a delivery to ${what}`,
      unit: "us",
      ours: cpuOf("ours"),
      peer: cpuOf(peer),
      against: peer,
      ratio: cpuOf("ours") / cpuOf(peer),
    });
  }
}

/** Connections of the process to Redis, as Redis counts them. */
async function connectionsOf(url: string, clients: number): Promise<Line> {
  const redis = new Redis(url);
  const list = String(await redis.client("LIST"));
  redis.disconnect();
  // Without the one that asks.
  const ours = list.trim().split("\n").length - 1;
  return {
    bench: `realtime: Redis connections of a process with ${clients} clients`,
    unit: "connections",
    ours,
    ...judge(ours, { gate: { atMost: 2 } }),
  };
}
