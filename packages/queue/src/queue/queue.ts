import { InputError } from "@scale/core";
import { describeValue, parseTenantId } from "@scale/core/kit";
import { findJob } from "../jobs/define.js";
import type { Jobs } from "../jobs/types.js";
import { createSchedules } from "../schedules/schedules.js";
import type { CancelOutcome, StoredQueue } from "../store.js";
import { checkedLimit } from "./checks.js";
import { createDead } from "./dead.js";
import { createEnqueuing, enqueueRequests } from "./enqueue.js";
import { parseQueueOptions, type QueueOptions } from "./options.js";
import { createShares, type ShareOf } from "./shares.js";
import { createStoreCalls, type StoreCalls } from "./store-calls.js";
import { type AddContext, addInTransaction, addNow, deliverOutbox } from "./transaction.js";
import type { Queue, Tenants } from "./types.js";

/**
 * Opens a queue for the jobs of `defineJobs`. Producers and workers open it with the same jobs, name and store.
 * @throws {ConfigError} that names every wrong option
 */
export function createQueue<J extends Jobs>(jobs: J, options: QueueOptions): Queue<J> {
  const { name, store, plans, fairness, outbox, trace, timeoutMs, maxPayload, retention } = parseQueueOptions(options);
  const stored = store.open({ name, charge: fairness.charge, retention });
  const shareOf = createShares(plans, fairness.share);
  const call = createStoreCalls(name, timeoutMs);
  const context: AddContext = { queue: name, stored, shareOf, call, outbox };
  const prepare = { jobs, clock: stored.clock, maxPayload, trace };
  const add = addNow(context);
  const enqueuing = createEnqueuing<J>(prepare, add);
  const schedules = createSchedules({
    ...{ queue: name, stored, call },
    enqueueMany: (requests) => enqueueRequests(prepare, add, requests),
    hasJob: (job) => findJob(jobs, job) !== undefined,
  });
  return {
    ...enqueuing,
    name,
    jobs,
    stored,
    trace,
    maxPayloadBytes: maxPayload,
    in: (tx) => createEnqueuing<J>(prepare, addInTransaction(context, tx)),
    cancel: createCancel(stored, call),
    tenants: createTenants(stored, call, shareOf),
    dead: createDead(stored, call),
    counts: () => call({ operation: "counts" }, () => stored.counts()),
    get: (id) => call({ operation: "get" }, () => stored.get(id)),
    list: async ({ limit = 100, ...query }) =>
      call({ operation: "list" }, () => stored.list({ ...query, limit: checkedLimit(limit) })),
    schedule: (scheduleName, scheduleOptions) => schedules.start(scheduleName, scheduleOptions),
    deliver: (messages) => deliverOutbox(add, messages),
    async close() {
      await schedules.close();
      await stored.close();
    },
  };
}

type Cancelled = { readonly cancelled: number; readonly cancelling: number };

interface Cancel {
  (id: string): Promise<CancelOutcome>;
  (all: { readonly tenantId: string }): Promise<Cancelled>;
}

/** Jobs that one call of the store walks. */
const BATCH = 50;

function createCancel(stored: StoredQueue, call: StoreCalls): Cancel {
  async function cancelAll(tenantId: string): Promise<Cancelled> {
    const sum = { cancelled: 0, cancelling: 0 };
    for (;;) {
      const part = await call({ operation: "cancel", tenantId }, () => stored.cancelTenant(tenantId, BATCH));
      sum.cancelled += part.cancelled;
      sum.cancelling += part.cancelling;
      if (part.cancelled + part.cancelling < BATCH) return sum;
    }
  }

  function cancel(id: string): Promise<CancelOutcome>;
  function cancel(all: { readonly tenantId: string }): Promise<Cancelled>;
  async function cancel(target: string | { readonly tenantId: string }): Promise<CancelOutcome | Cancelled> {
    if (typeof target === "string") return call({ operation: "cancel" }, () => stored.cancel(target));
    if (typeof target !== "object" || target === null) {
      throw new InputError(`cancel: expected an id or { tenantId }, got ${describeValue(target)}`);
    }
    const tenantId = parseTenantId(target.tenantId);
    return cancelAll(tenantId);
  }
  return cancel;
}

function createTenants(stored: StoredQueue, call: StoreCalls, shareOf: ShareOf): Tenants {
  const forTenant = async <T>(operation: string, id: string, run: (tenantId: string) => Promise<T>): Promise<T> => {
    const tenantId = parseTenantId(id);
    return call({ operation, tenantId }, () => run(tenantId));
  };
  return {
    stats: (id) => forTenant("stats", id, (tenantId) => stored.tenantStats(tenantId)),
    list: async ({ limit = 100, cursor } = {}) =>
      call({ operation: "list" }, () =>
        stored.listTenants({ limit: checkedLimit(limit), ...(cursor !== undefined && { cursor }) }),
      ),
    pause: (id) => forTenant("pause", id, (tenantId) => stored.pauseTenant(tenantId)),
    resume: (id) => forTenant("resume", id, (tenantId) => stored.resumeTenant(tenantId)),
    async refresh(id) {
      const share = await shareOf(parseTenantId(id));
      await forTenant("refresh", id, (tenantId) => stored.setShare(tenantId, share));
    },
    async purge(id) {
      for (let removed = 0; ; ) {
        const part = await forTenant("purge", id, (tenantId) => stored.purgeTenant(tenantId, BATCH));
        removed += part;
        if (part < BATCH) return removed;
      }
    },
  };
}
