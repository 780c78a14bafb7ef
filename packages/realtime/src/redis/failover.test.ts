import { createManualClock } from "@scale/core/testing";
import { findRedis, type RedisServer, startRedis, waitUntil } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterEach, describe, expect, it, vi } from "vitest";
import { closing, join } from "../../test/sink.js";
import { createHub } from "../hub.js";
import { redisHub } from "./hub.js";

const acme = { tenantId: "acme" };
const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close();
});

function connectTo({ url }: RedisServer): Redis {
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 20 });
  client.on("error", () => undefined);
  opened.push(() => client.disconnect());
  return client;
}

/** A master, and a replica that has everything. */
async function startPair() {
  // Without passwords: clients go from one to the other by address.
  const master = await startRedis({ requirepass: "" });
  opened.push(() => master.stop());
  const replica = await startRedis({
    requirepass: "",
    args: ["--replicaof", master.host, `${master.port}`, "--repl-diskless-sync-delay", "0"],
  });
  opened.push(() => replica.stop());
  const admin = connectTo(replica);
  const info = async (): Promise<boolean> => (await admin.info("replication")).includes("master_link_status:up");
  await waitUntil(info, { what: "the replica" });
  return {
    master,
    replica,
    /** Promotes the replica, which has none of the writes that its master gets from now on. */
    promote: () => admin.replicaof("NO", "ONE"),
  };
}

/** The address of a client changes as Sentinel or DNS would change it: it connects to the promoted server when it has lost the other. */
function redirect(client: Redis, { port }: RedisServer): void {
  client.options.port = port;
}

describe.skipIf(!findRedis())("a failover to a replica that lacks events", () => {
  it("is told to every client by one reset, also when the first call to the promoted server is an append", async () => {
    const { master, replica, promote } = await startPair();
    const [redis, subscriber, publishing] = [connectTo(master), connectTo(master), connectTo(master)];
    const topics = { t: { authorize: () => true } };
    const hub = closing(createHub({ store: redisHub({ redis, subscriber, timeoutMs: 2000 }), topics }));
    const worker = closing(createHub({ store: redisHub({ redis: publishing, timeoutMs: 2000 }), topics }));
    const [live, left] = [await join(hub, { topics: ["t"] }), await join(hub, { topics: ["t"] })];
    await worker.publish("t", 1, acme);
    await vi.waitFor(() => expect([live, left].map(({ sink }) => sink.values())).toEqual([[1], [1]]), 5000);
    left.leave();
    const probe = connectTo(master);
    await probe.wait(1, 5000);
    await promote();
    await worker.publish("t", "lost by the replica", acme);
    await vi.waitFor(() => expect(live.sink.values()).toHaveLength(2), 5000);
    // Only the publisher fails over at first.
    redirect(publishing, replica);
    publishing.disconnect(true);
    await vi.waitFor(() => worker.publish("t", "on the promoted", acme), 5000);
    for (const client of [redis, subscriber]) redirect(client, replica);
    await master.kill();
    const returned = await vi.waitFor(() => join(hub, { topics: ["t"], lastEventId: left.sink.lastEventId }), 10_000);
    await vi.waitFor(() => expect(live.sink.names()).toContain("reset"), 10_000);
    await worker.publish("t", "after", acme);
    await vi.waitFor(
      () => expect([live, returned].map(({ sink }) => sink.values().at(-1))).toEqual(["after", "after"]),
      5000,
    );
    for (const { sink } of [live, returned]) expect(sink.names().filter((name) => name === "reset")).toHaveLength(1);
    expect(returned.sink.names()[0]).toBe("reset");
  });

  it("is told to a client whose subscriber stayed connected, by the next look at the positions", async () => {
    const { master, replica, promote } = await startPair();
    const [redis, subscriber] = [connectTo(master), connectTo(replica)];
    const clock = createManualClock();
    const store = redisHub({ redis, subscriber, timeoutMs: 2000 });
    const hub = closing(createHub({ store, clock, heartbeat: 20, topics: { t: { authorize: () => true } } }));
    const { sink } = await join(hub, { topics: ["t"] });
    await hub.publish("t", 1, acme);
    await vi.waitFor(() => expect(sink.values()).toEqual([1]), 5000);
    await connectTo(master).wait(1, 5000);
    await promote();
    await hub.publish("t", "lost by the replica", acme);
    redirect(redis, replica);
    await master.kill();
    await vi.waitFor(() => hub.publish("t", "on the promoted", acme), 10_000);
    await vi.waitFor(() => {
      clock.advance(1100);
      expect(sink.names()).toContain("reset");
    }, 10_000);
    expect(sink.values()).not.toContain("lost by the replica");
    await hub.publish("t", "after", acme);
    await vi.waitFor(() => expect(sink.values().at(-1)).toBe("after"), 5000);
    expect(sink.names().filter((name) => name === "reset")).toHaveLength(1);
  });
});
