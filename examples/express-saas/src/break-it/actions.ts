import { setTimeout as sleep } from "node:timers/promises";
import type { Breaker } from "@scale/breaker";
import type { Cache } from "@scale/cache";
import type { PlanResolver } from "@scale/core";
import type { ActionCall, OperatorAction } from "@scale/dashboard";
import { eq } from "drizzle-orm";
import type { Components, DatabaseComponent } from "../components.js";
import { tenants } from "../db/schema.js";
import type { CrmJobs } from "../jobs/start.js";
import type { Traffic } from "../traffic/traffic.js";

export interface BreakItParts extends Pick<Components, "database" | "limitStore"> {
  readonly cache: Pick<Cache, "health">;
  readonly rates: {
    readonly client: { readonly breaker: Pick<Breaker, "snapshot"> };
    readonly service: { isStuck: boolean };
  };
  readonly plans: PlanResolver;
  readonly jobs: Pick<CrmJobs, "burst" | "state">;
  /** Returns the traffic, which starts after the page; `undefined` when the example sends none. */
  readonly traffic: (() => Traffic) | undefined;
}

/** Time until a fault ends by itself. */
const FAULT_MS = 10_000;
/** A replica is ejected after it has lagged for 5 seconds. */
const LAG_MS = 12_000;
const NOISE_MS = 15_000;
const REPLICATION_MS = 300;
/** On the basic plan. With little traffic 20 times as much would be within its limits. */
const NOISY = { tenantId: "cedar-labs", times: 20, leastPerSecond: 40 } as const;
/** On the free plan. */
const UPGRADED = { tenantId: "delta-labs", to: "enterprise", requestsPerSecond: 12, afterMs: 5_000 } as const;

export interface BreakIt {
  readonly actions: readonly OperatorAction[];
  /** Resolves when no action runs. Servers may be stopped then: an action that ends restarts the one that it killed. */
  idle(): Promise<void>;
}

/** Faults for the live page. Those of servers that the example has not started are left out. */
export function createBreakIt(parts: BreakItParts): BreakIt {
  const running = new Set<Promise<void>>();
  const faults = [...redisActions(parts), ...replicaActions(parts), breakUpstream(parts)];
  const all = [...faults, floodQueue(parts), ...tenantActions(parts)];
  const actions = all.map((action): OperatorAction => {
    const run = async (call: ActionCall): Promise<void> => {
      const work = (async () => action.run(call))();
      const settled: Promise<void> = work.then(
        () => void running.delete(settled),
        () => void running.delete(settled),
      );
      running.add(settled);
      await work;
    };
    return { ...action, run };
  });
  return {
    actions,
    async idle() {
      await Promise.all(running);
    },
  };
}

/** Resolves after a time, or when the signal aborts. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);

/**
 * A signal that aborts with another one, or after a time. Its timer holds it: on Node 20 an `AbortSignal.timeout` that only
 * `AbortSignal.any` refers to may be collected, and then never aborts.
 */
function within(ms: number, signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  setTimeout(end, ms).unref();
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  return controller.signal;
}

function redisActions({ limitStore, cache }: BreakItParts): OperatorAction[] {
  if (limitStore.is !== "redis" || limitStore.server === undefined) return [];
  const { server, redis } = limitStore;
  const isRecovered = async (): Promise<boolean> => {
    if (redis.status !== "ready" || !cache.health().isMemoryServed) return false;
    return (await redis.ping()) === "PONG";
  };
  return [
    {
      ...{ id: "kill-redis", label: "Kill Redis", endLabel: "Restart Redis", isRecovered },
      description: "Ends the Redis of limits, usage and cache (SIGKILL), and restarts it after 10 seconds.",
      async run({ signal }) {
        await server.kill();
        await pause(FAULT_MS, signal);
        await server.restart();
      },
    },
    {
      ...{ id: "freeze-redis", label: "Freeze Redis", endLabel: "Thaw Redis", isRecovered },
      description: "Stops Redis in the middle of its work (SIGSTOP): connections stay open, and get no answer.",
      async run({ signal }) {
        server.pause();
        await pause(FAULT_MS, signal);
        server.resume();
      },
    },
  ];
}

function replicaActions({ database }: BreakItParts): OperatorAction[] {
  const [replica] = database.server?.replicas ?? [];
  if (replica === undefined) return [];
  const serves = (): boolean =>
    database.router.health().nodes.find(({ name }) => name === "replica-1")?.serves === "reads";
  return [
    {
      ...{ id: "lag-replica", label: "Lag a replica", endLabel: "Let it catch up", isRecovered: serves },
      description: "A replica receives changes and does not apply them for 12 seconds.",
      async run({ signal }) {
        await replica.pauseReplay();
        await pause(LAG_MS, signal);
        await replica.resumeReplay();
      },
    },
  ];
}

function breakUpstream({ rates }: BreakItParts): OperatorAction {
  return {
    ...{ id: "break-upstream", label: "Break an upstream", endLabel: "Mend the upstream" },
    description: "The service of exchange rates accepts requests and does not answer them.",
    async run({ signal }) {
      rates.service.isStuck = true;
      await pause(FAULT_MS, signal);
      rates.service.isStuck = false;
    },
    isRecovered: () => rates.client.breaker.snapshot().state === "closed",
  };
}

function floodQueue({ jobs }: BreakItParts): OperatorAction {
  return {
    ...{ id: "flood-queue", label: "Flood the queue", endLabel: "Wait for the queue" },
    description:
      "2000 newsletters of one tenant wait in the queue. Jobs of the other tenants have their share of the workers.",
    async run({ signal }) {
      await jobs.burst();
      await pause(FAULT_MS, signal);
    },
    isRecovered: () => jobs.state().depth?.waiting === 0,
  };
}

function tenantActions({ traffic, database, plans }: BreakItParts): OperatorAction[] {
  if (traffic === undefined) return [];
  return [
    {
      ...{ id: "noisy-tenant", label: "Noisy tenant ×20", endLabel: "Quiet the tenant" },
      description: `A script of ${NOISY.tenantId} sends 20 times what the tenant usually sends: exports and searches.`,
      async run({ signal }) {
        const requestsPerSecond = Math.max(NOISY.leastPerSecond, NOISY.times * traffic().usualRate(NOISY.tenantId));
        const until = within(NOISE_MS, signal);
        await traffic().addNoise(NOISY.tenantId, { requestsPerSecond, signal: until });
      },
    },
    {
      ...{ id: "upgrade-plan", label: "Upgrade a plan", endLabel: "End the upgrade" },
      description: `${UPGRADED.tenantId}, on free, sends too much and is refused. After 5 seconds it buys ${UPGRADED.to}.`,
      async run({ signal }) {
        const { tenantId, requestsPerSecond } = UPGRADED;
        const until = within(NOISE_MS, signal);
        const noise = traffic().addNoise(tenantId, { requestsPerSecond, signal: until });
        const previous = (await plans.resolve(tenantId)).name;
        await pause(UPGRADED.afterMs, until);
        try {
          await setPlan({ database, plans }, tenantId, UPGRADED.to);
          await noise;
        } finally {
          await setPlan({ database, plans }, tenantId, previous);
        }
      },
    },
  ];
}

/** Does the work of a billing webhook: writes the plan, and drops the one that this process remembers. */
async function setPlan(
  { database, plans }: { readonly database: DatabaseComponent; readonly plans: PlanResolver },
  tenantId: string,
  plan: string,
): Promise<void> {
  await database.outsideTenant(() =>
    database.db.$primary.update(tenants).set({ plan }).where(eq(tenants.id, tenantId)),
  );
  // Plans are read from replicas, which have the change a moment later.
  await sleep(REPLICATION_MS);
  plans.invalidate(tenantId);
}
