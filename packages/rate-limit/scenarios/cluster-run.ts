import { keySegment } from "@scale/core/kit";
import { type CpuStarvation, startRedisCluster, waitUntil } from "@scale/testkit";
import { Cluster, Redis } from "ioredis";
import { isStores, type Observed, startFaultLoad, tenantOf } from "./fault-load.js";
import { pass } from "./fault-run.js";
import { GROUPS, limiterOn } from "./fault-stage.js";

const TENANTS = 60;

/** Decisions that were made while one of three masters was dead. */
export interface ClusterObserved {
  /** Decisions for tenants whose keys lie on the masters that live. */
  readonly living: readonly Observed[];
  /** Decisions for tenants whose keys lie on the dead one. */
  readonly dead: readonly Observed[];
  readonly starvation: CpuStarvation;
  /** Time from the restart of the master until Redis decides for all tenants. A master takes writes after two seconds. */
  readonly recoveryMs: number;
}

/** Puts load on a Cluster of three masters, and kills the first. */
export async function killOneMaster(lengthMs: number): Promise<ClusterObserved> {
  // A cluster that lacks slots refuses all keys by default; for counts, some are better than none.
  const cluster = await startRedisCluster({ args: ["--cluster-require-full-coverage", "no"] });
  const client = new Cluster([...cluster.addresses], { retryDelayOnFailover: 0 });
  client.on("error", () => undefined);
  const { limiter } = limiterOn(client);
  try {
    const load = startFaultLoad(limiter, TENANTS);
    await pass(500); // The first decisions compile code, and open a connection to each master.
    const from = performance.now();
    await cluster.masters[0]?.kill();
    await pass(lengthMs);
    const to = performance.now();
    await pass(100);
    const during = load.observed.filter(({ at }) => at >= from && at < to);
    await cluster.masters[0]?.restart();
    const restartedAt = performance.now();
    const allServed = async (): Promise<boolean> => {
      await pass(100);
      const last = load.observed.slice(-TENANTS * GROUPS.length);
      return last.every((one) => isStores(one) && one.at > restartedAt);
    };
    await waitUntil(allServed, { what: "decisions by all masters", timeoutMs: 20_000 });
    const recoveryMs = performance.now() - restartedAt;
    await load.stop();
    const tenants = await onFirst(cluster.masters[1]?.url ?? "");
    return {
      living: during.filter(({ tenantId }) => !tenants.has(tenantId)),
      dead: during.filter(({ tenantId }) => tenants.has(tenantId)),
      starvation: load.starvation,
      recoveryMs,
    };
  } finally {
    limiter.close();
    client.disconnect();
    await cluster.stop();
  }
}

/** The tenants whose keys lie on the first of three masters. */
async function onFirst(url: string): Promise<ReadonlySet<string>> {
  const redis = new Redis(url, { maxRetriesPerRequest: 0 });
  const tenants = Array.from({ length: TENANTS }, (_, i) => tenantOf(i));
  const slots = await Promise.all(tenants.map((tenant) => redis.cluster("KEYSLOT", keySegment(tenant))));
  redis.disconnect();
  return new Set(tenants.filter((_, i) => Number(slots[i]) < Math.floor(16_384 / 3)));
}
