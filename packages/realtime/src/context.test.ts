import { setTimeout as sleep } from "node:timers/promises";
import { tenancy } from "@scale/core";
import { contextLeaks, type Look } from "@scale/testkit";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { closing, join } from "../test/sink.js";
import { createHub, type HubStore, memoryHub } from "./index.js";
import { redisHub } from "./redis/index.js";

const url = inject("redisUrl");
const EVENTS = ["connection-open", "connection-close", "event-publish"].map((name) => `scale:realtime:${name}`);

/** Two tenants share a hub: its timer, batches, reads and channels. */
async function leaksOf(store: HubStore): Promise<string[]> {
  const looks = new Map<string, Look>();
  const authorize = ({ tenantId }: { tenantId: string }): boolean => {
    looks.get(tenantId)?.("authorize");
    return true;
  };
  const hub = closing(createHub({ store, heartbeat: 20, lifetime: { recheck: 20 }, topics: { news: { authorize } } }));
  const work = async (look: Look): Promise<void> => {
    const { tenantId } = tenancy.require();
    looks.set(tenantId, look);
    const { sink, leave } = await join(hub, { tenantId });
    await hub.publish("news", 1);
    await vi.waitFor(() => expect(sink.values()).toEqual([1]), 5000);
    await sleep(100); // The timer of the hub checks the rights again.
    leave();
  };
  return contextLeaks({ tenancy, events: EVENTS, first: work, second: work });
}

describe("the async context of a tenant", () => {
  it("does not reach the work that tenants share in a hub", async () => {
    expect(await leaksOf(memoryHub())).toEqual([]);
  });

  describe.skipIf(url === "")("over Redis", () => {
    let redis: Redis;
    let subscriber: Redis;
    beforeAll(() => {
      redis = new Redis(url);
      subscriber = redis.duplicate();
    });
    afterAll(() => Promise.all([redis.quit(), subscriber.quit()]));

    it("does not reach it either", async () => {
      const prefix = `test:realtime:context:${process.pid}`;
      expect(await leaksOf(redisHub({ redis, subscriber, prefix, timeoutMs: 5000 }))).toEqual([]);
    });
  });
});
