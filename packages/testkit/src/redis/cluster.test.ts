import { Cluster } from "ioredis";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../wait.js";
import { startRedisCluster } from "./cluster.js";
import { findRedis } from "./find.js";

describe.skipIf(!findRedis())("startRedisCluster", () => {
  it("spreads keys over its masters, refuses keys of two slots in one command, and fails over", async () => {
    const cluster = await startRedisCluster({ masters: 3, replicas: 1, nodeTimeoutMs: 500 });
    const client = new Cluster([...cluster.addresses], { redisOptions: { maxRetriesPerRequest: null } });
    client.on("error", () => {});
    try {
      expect([cluster.nodes.length, cluster.masters.length, cluster.replicas.length]).toEqual([6, 3, 3]);
      for (let i = 0; i < 30; i++) await client.set(`k${i}`, i);
      const counts = await Promise.all(client.nodes("master").map((node) => node.dbsize()));
      expect(counts).toHaveLength(3);
      expect(Math.min(...counts)).toBeGreaterThan(0);
      await expect(client.mset("k1", "1", "k2", "2")).rejects.toThrow(/CROSSSLOT|same slot/);
      await cluster.masters[0]?.kill();
      const sum = async (): Promise<number> => {
        const all = await Promise.all(Array.from({ length: 30 }, (_, i) => client.get(`k${i}`)));
        return all.reduce((total, value) => total + Number(value), 0);
      };
      await waitUntil(async () => (await sum()) === 435, { what: "every key after the failover" });
    } finally {
      client.disconnect();
      await cluster.stop();
    }
    expect(cluster.nodes.map((node) => node.pid)).toEqual(Array(6).fill(undefined));
  });
});
