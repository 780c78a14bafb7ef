import { findRedis, type RedisCluster, startRedisCluster } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { closing, join, type TestSink } from "../../test/sink.js";
import { createHub } from "../hub.js";
import { describeHubStore } from "../testing/index.js";
import { redisHub, type RedisHubOptions } from "./hub.js";

const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const until = (check: () => void): Promise<void> => vi.waitFor(check, 20_000);

describe.skipIf(!findRedis())("redisHub on a cluster", () => {
  let servers: RedisCluster;
  let redis: Cluster;
  let sharded: Cluster;
  let node: Redis;
  let run = 0;

  beforeAll(async () => {
    servers = await startRedisCluster({ masters: 3, replicas: 1, nodeTimeoutMs: 500 });
    const options = { redisOptions: { maxRetriesPerRequest: 0 }, retryDelayOnFailover: 0 };
    redis = new Cluster([...servers.addresses], options);
    sharded = new Cluster([...servers.addresses], { ...options, shardedSubscribers: true });
    node = new Redis(servers.addresses[0]?.port ?? 0, "127.0.0.1");
    for (const client of [redis, sharded, node]) client.on("error", () => undefined);
  });
  afterAll(async () => {
    for (const client of [redis, sharded, node]) client.disconnect();
    await servers.stop();
  });

  const optionsOf = (kind: "sharded" | "node"): RedisHubOptions => ({
    redis,
    prefix: `test:${run++}`,
    timeoutMs: 5000,
    ...(kind === "sharded" ? { subscriber: sharded, sharded: true } : { subscriber: node }),
  });

  describeHubStore("a cluster with sharded channels", async () => ({ store: redisHub(optionsOf("sharded")), pass }));
  describeHubStore("a cluster and a subscriber of one node", async () => ({
    store: redisHub(optionsOf("node")),
    pass,
  }));

  it("delivers to tenants of every shard, also after a shard failed over: all events, or a reset", async () => {
    const topics = { news: { authorize: () => true } };
    const hub = closing(createHub({ store: redisHub(optionsOf("sharded")), topics }));
    const tenants = Array.from({ length: 20 }, (_, i) => `tenant-${i}`);
    const clients = await Promise.all(tenants.map((tenantId) => join(hub, { tenantId })));
    const publish = (n: number): Promise<unknown> =>
      Promise.all(
        tenants.map((tenantId) => vi.waitFor(() => hub.publish("news", n, { tenantId, id: `e${n}` }), 20_000)),
      );
    await publish(1);
    await until(() => expect(clients.every(({ sink }) => sink.values().at(-1) === 1)).toBe(true));
    await servers.masters[0]?.kill();
    await publish(2);
    await publish(3);
    // A reset covers the events before it: the client has fetched its state.
    const isComplete = (sink: TestSink): boolean =>
      sink.values().join(" ") === "1 2 3" || sink.names().filter((name) => name === "reset").length === 1;
    await until(() => expect(clients.every(({ sink }) => isComplete(sink))).toBe(true));
    await publish(4);
    await until(() => expect(clients.every(({ sink }) => sink.values().at(-1) === 4)).toBe(true));
  });
});
