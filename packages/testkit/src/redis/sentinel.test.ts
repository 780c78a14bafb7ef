import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../wait.js";
import { findRedis } from "./find.js";
import { startSentinel } from "./sentinel.js";

describe.skipIf(!findRedis())("startSentinel", () => {
  it("fails over to the replica when the master is killed", async () => {
    const group = await startSentinel();
    const client = new Redis({
      sentinels: [...group.addresses],
      name: group.name,
      maxRetriesPerRequest: null,
      sentinelRetryStrategy: () => 50,
      retryStrategy: () => 50,
    });
    client.on("error", () => {});
    try {
      await client.set("a", "1");
      expect(await client.wait(1, 1_000)).toBe(1);
      await group.master.kill();
      await waitUntil(async () => (await client.set("b", "2")) === "OK", { what: "a write after the failover" });
      expect(await client.mget("a", "b")).toEqual(["1", "2"]);
      const replica = new Redis(group.replicas[0]?.url ?? "");
      expect(await replica.role()).toContain("master");
      replica.disconnect();
    } finally {
      client.disconnect();
      await group.stop();
    }
  });
});
