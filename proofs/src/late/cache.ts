import { createCache, type TenantCache, type Definition } from "@scale/cache";
import { redisStore } from "@scale/cache/redis";
import { waitUntil } from "@scale/testkit";
import type { Redis } from "ioredis";
import { type LateCall, TIMEOUT_MS } from "./freezes.js";
import { timed } from "./rate-limit.js";

/** Two processes with a cache over one Redis, and the source that their loaders read. */
export interface LateCaches {
  readonly calls: readonly LateCall[];
  close(): void;
}

const PREFIX = "late:cache";

interface Side {
  readonly row: Definition<string, number>;
  tenant(tenantId: string): TenantCache;
}

/** Every call of a cache that asks Redis. */
export async function lateCaches(connect: () => Redis): Promise<LateCaches> {
  const source = new Map<string, number>();
  const redis = connect();
  const closing: (() => void)[] = [() => redis.disconnect()];
  const open = async (timeoutMs: number): Promise<Side> => {
    const [client, subscriber] = [connect(), connect()];
    const cache = createCache({ store: redisStore({ redis: client, subscriber, prefix: PREFIX, timeoutMs }) });
    closing.push(() => {
      void cache.close();
      client.disconnect();
      subscriber.disconnect();
    });
    await waitUntil(() => cache.health().isMemoryServed, { what: "a confirmed subscription" });
    const load = async (key: string): Promise<number> => {
      const value = source.get(key) ?? 0;
      if (value < 0) throw new Error("the source fails");
      return value;
    };
    const row = cache.define({ name: "row", key: (id: string) => id, ttl: "10m", tags: () => ["rows"], load });
    return { row, tenant: (tenantId) => cache.tenant(tenantId) };
  };
  const shared: Shared = { near: await open(TIMEOUT_MS), far: await open(5000), source, redis };
  const change = (name: string, write: Write): LateCall => changes(shared, name, write);
  return {
    calls: [
      reads(shared),
      failedLoads(shared),
      change("set", ({ tenant, row }, key, value) => tenant.set(row, { params: key, value })),
      change("invalidate", ({ tenant, row }, key) => tenant.invalidate(row, key)),
      change("invalidate by tag", ({ tenant }) => tenant.invalidateTags(["rows"])),
      change("clear", ({ tenant }) => tenant.clear()),
    ],
    close: () => closing.forEach((end) => end()),
  };
}

interface Shared {
  readonly near: Side;
  readonly far: Side;
  readonly source: Map<string, number>;
  readonly redis: Redis;
}

type Write = (
  on: { readonly tenant: TenantCache; readonly row: Definition<string, number> },
  key: string,
  value: number,
) => Promise<{ readonly state: string }>;

/** A lease that is taken late, or cannot be filled, must not keep other processes waiting. */
function reads({ near, redis, source }: Shared): LateCall {
  return {
    name: "cache get, which takes a lease",
    prepare(round) {
      const tenantId = `get-${round}`;
      return Promise.resolve({
        call: (i) =>
          timed(async () => {
            source.set(`${tenantId}-${i}`, i);
            const value = await near.tenant(tenantId).get(near.row, `${tenantId}-${i}`);
            if (value !== i) throw new TypeError(`expected ${i}, got ${value}`);
          }),
        wrong: () => leasesOf(redis, tenantId),
      });
    },
  };
}

function failedLoads({ near, redis, source }: Shared): LateCall {
  return {
    name: "cache get, whose load fails",
    prepare(round) {
      const tenantId = `fail-${round}`;
      return Promise.resolve({
        call: (i) =>
          timed(async () => {
            source.set(`${tenantId}-${i}`, -1);
            await near
              .tenant(tenantId)
              .get(near.row, `${tenantId}-${i}`)
              .catch(() => undefined);
          }),
        wrong: () => leasesOf(redis, tenantId),
      });
    },
  };
}

/** Neither process may serve the old value afterwards, and the late call must not bring it back. */
function changes({ near, far, source, redis }: Shared, name: string, write: Write): LateCall {
  return {
    name: `cache ${name}`,
    async prepare(round) {
      const tenantId = `${name.replaceAll(" ", "-")}-${round}`;
      const keys = Array.from({ length: 6 }, (_, i) => `${tenantId}-${i}`);
      const [mine, theirs] = [near.tenant(tenantId), far.tenant(tenantId)];
      for (const key of keys) {
        source.set(key, 1);
        await mine.get(near.row, key);
        await theirs.get(far.row, key);
      }
      return {
        async call(i) {
          const key = keys[i] as string;
          source.set(key, 2);
          const { state } = await write({ tenant: mine, row: near.row }, key, 2);
          if (state !== "applied") throw new Error(state);
        },
        async wrong() {
          let stale = 0;
          for (const key of keys) {
            stale += (await mine.get(near.row, key)) === 2 ? 0 : 1;
            stale += (await theirs.get(far.row, key)) === 2 ? 0 : 1;
          }
          return stale + (await leasesOf(redis, tenantId));
        },
      };
    },
  };
}

/** Entries of a tenant that are leases: nothing is loading any more. */
async function leasesOf(redis: Redis, tenantId: string): Promise<number> {
  let leases = 0;
  for await (const keys of redis.scanStream({ match: `${PREFIX}*${tenantId}*`, count: 1000 })) {
    for (const key of keys as string[]) if ((await redis.get(key))?.startsWith("L") === true) leases++;
  }
  return leases;
}
