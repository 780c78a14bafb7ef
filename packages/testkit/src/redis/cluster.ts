import { randomBytes } from "node:crypto";
import type { Redis } from "ioredis";
import { freePort } from "../process/free-port.js";
import { settleAll } from "../settle.js";
import { type RedisPlan, runRedis } from "./run.js";
import type { RedisServer } from "./run.js";
import { untilAll, untilInStep } from "./settled.js";

const SLOTS = 16_384;
const BUS = 10_000;

export interface RedisClusterOptions {
  /** @default 3 */
  masters?: number;
  /** Replicas of each master. @default 0 */
  replicas?: number;
  /** How long a node may be silent before the others fail it over. @default 1000 */
  nodeTimeoutMs?: number;
  args?: readonly string[];
}

export interface RedisCluster {
  /** The masters by slot range, then the replicas: replica `i` follows master `i % masters`. */
  readonly nodes: readonly RedisServer[];
  readonly masters: readonly RedisServer[];
  readonly replicas: readonly RedisServer[];
  /** Addresses for `new Cluster(...)` of ioredis. */
  readonly addresses: readonly { host: string; port: number }[];
  stop(): Promise<void>;
}

/**
 * A real Redis Cluster on loopback.
 * Each node is born with a nodes.conf of the finished cluster: nothing has to meet and gossip, and it takes the two seconds
 * that Redis always waits before a master takes writes.
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { masters = 3, replicas = 0, nodeTimeoutMs = 1_000, args = [] } = options;
  const ports: number[] = [];
  while (ports.length < masters * (1 + replicas)) ports.push(await freePort((port) => port + BUS < 32_768));
  const confs = nodesConfs(ports, masters);
  const nodes: RedisServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    const start = async (port: number, i: number): Promise<void> => {
      nodes[i] = await runRedis(
        nodePlan(port, confs[i] ?? "", ["--cluster-node-timeout", `${nodeTimeoutMs}`, ...args]),
      );
    };
    await settleAll(ports.map(start));
    const hasSlots = async (client: Redis): Promise<boolean> =>
      String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok");
    await untilAll(nodes, hasSlots, "the Redis cluster serves all slots");
    await untilInStep(nodes.slice(masters));
  } catch (error) {
    await stop();
    throw error;
  }
  const addresses = ports.map((port) => ({ host: "127.0.0.1", port }));
  return { nodes, masters: nodes.slice(0, masters), replicas: nodes.slice(masters), addresses, stop };
}

function nodePlan(port: number, conf: string, args: readonly string[]): RedisPlan {
  return {
    kind: "redis-cluster",
    port,
    files: { "nodes.conf": conf },
    args: [
      ...["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      ...["--cluster-enabled", "yes", "--repl-diskless-sync-delay", "0", ...args],
    ],
    ready: /Ready to accept connections/,
  };
}

/** The nodes.conf of each node: Redis' view of the cluster. The files differ in the node that is `myself`. */
function nodesConfs(ports: readonly number[], masters: number): string[] {
  const ids = ports.map(() => randomBytes(20).toString("hex"));
  const firstSlot = (master: number): number => Math.floor((SLOTS * master) / masters);
  const roles = ids.map((_, i) => {
    const master = i % masters;
    return i < masters
      ? { flag: "master", tail: `- 0 0 ${i + 1} connected ${firstSlot(i)}-${firstSlot(i + 1) - 1}` }
      : { flag: "slave", tail: `${ids[master]} 0 0 ${master + 1} connected` };
  });
  return ports.map((_, self) =>
    [
      ...roles.map(({ flag, tail }, i) => {
        const port = ports[i] ?? 0;
        return `${ids[i]} 127.0.0.1:${port}@${port + BUS} ${i === self ? "myself," : ""}${flag} ${tail}`;
      }),
      `vars currentEpoch ${masters} lastVoteEpoch 0`,
      "",
    ].join("\n"),
  );
}
