import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { freePort } from "../process/free-port.js";
import { type RedisPlan, runRedis } from "./run.js";
import type { RedisServer } from "./run.js";
import { startRedis } from "./server.js";
import { untilAll, untilInStep } from "./settled.js";

const NAME = "main";
/** For the master, and any may become it: a replica is served at once and not after five seconds. */
const REPLICATED = ["--repl-diskless-sync-delay", "0"];
/** Sentinels hand out addresses, and clients of tests connect to them without a password. */
const OPEN = { requirepass: "" };

export interface RedisSentinelOptions {
  /** @default 3 */
  sentinels?: number;
  /** @default 1 */
  replicas?: number;
  /** Silence, in milliseconds, after which a sentinel takes the master for dead. @default 500 */
  downAfterMs?: number;
}

export interface RedisSentinel {
  /** The name under which the sentinels know the master. */
  readonly name: string;
  /** The master at the start; a failover does not change this field. */
  readonly master: RedisServer;
  readonly replicas: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];
  /** Addresses for the `sentinels` option of ioredis. */
  readonly addresses: readonly { host: string; port: number }[];
  stop(): Promise<void>;
}

/**
 * A master, its replicas, and the sentinels that fail it over.
 * The sentinels are born knowing each other and the replicas: to find out would take them ten seconds.
 */
export async function startSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const { sentinels: count = 3, replicas: copies = 1, downAfterMs = 500 } = options;
  const started: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
  };
  try {
    const master = await startRedis({ ...OPEN, args: REPLICATED });
    started.push(master);
    while (started.length <= copies) {
      const args = ["--replicaof", master.host, `${master.port}`, ...REPLICATED];
      started.push(await startRedis({ ...OPEN, args }));
    }
    const replicas = started.slice(1);
    await untilInStep(replicas);
    const watched = started.map((server) => server.port);
    for (const plan of await sentinelPlans(count, { watched, downAfterMs })) started.push(await runRedis(plan));
    const sentinels = started.slice(1 + copies);
    const expected = { sentinels: count, replicas: copies };
    await untilAll(sentinels, (client) => knowsAll(client, expected), "the sentinels know each other");
    const addresses = sentinels.map(({ host, port }) => ({ host, port }));
    return { name: NAME, master, replicas, sentinels, addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function sentinelPlans(
  count: number,
  { watched: [master = 0, ...replicas], downAfterMs }: { watched: readonly number[]; downAfterMs: number },
): Promise<RedisPlan[]> {
  const peers: { id: string; port: number }[] = [];
  while (peers.length < count) peers.push({ id: randomBytes(20).toString("hex"), port: await freePort() });
  return peers.map(({ id, port }) => {
    const conf = [
      `port ${port}`,
      "bind 127.0.0.1",
      `sentinel myid ${id}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${master} ${Math.floor(count / 2) + 1}`,
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      `sentinel failover-timeout ${NAME} 2000`,
      ...replicas.map((replica) => `sentinel known-replica ${NAME} 127.0.0.1 ${replica}`),
      ...peers
        .filter((peer) => peer.id !== id)
        .map((peer) => `sentinel known-sentinel ${NAME} 127.0.0.1 ${peer.port} ${peer.id}`),
    ];
    return {
      kind: "sentinel",
      port,
      files: { "sentinel.conf": `${conf.join("\n")}\n` },
      args: ["./sentinel.conf", "--sentinel"],
      ready: /\+monitor/,
    };
  });
}

/** Whether a sentinel has spoken with the master, every replica and every other sentinel. */
async function knowsAll(client: Redis, expected: { sentinels: number; replicas: number }): Promise<boolean> {
  const known = async (ask: string): Promise<number> =>
    [...String(await client.call("SENTINEL", ask, NAME)).matchAll(/runid,[0-9a-f]{40}/g)].length;
  const [master, replicas, others] = await Promise.all([known("MASTER"), known("REPLICAS"), known("SENTINELS")]);
  return master === 1 && replicas === expected.replicas && others === expected.sentinels - 1;
}
