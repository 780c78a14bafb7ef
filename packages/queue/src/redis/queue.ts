import { StoreError } from "@scale/core";
import { keySegment, keySegmentText } from "@scale/core/kit";
import { createScriptRunner, type ScriptRunner } from "@scale/core/redis";
import type {
  AddOutcome,
  CancelOutcome,
  ConsumeOptions,
  Consumer,
  JobHandler,
  JobQuery,
  NewJob,
  OpenQueueOptions,
  Page,
  RedriveQuery,
  StoredQueue,
  TimerClock,
} from "../store.js";
import type { JobCounts, StoredJob, TenantShare, TenantStats } from "../types.js";
import { createConsumer } from "./consumer.js";
import type { QueueContext } from "./context.js";
import { idempotencyId, idOf, jobArgs, segmentOf, shareArgs } from "./job-codec.js";
import { Listing } from "./listing.js";
import { integers, type RunOperation } from "./operations.js";
import { claim as claimScript } from "./scripts.gen.js";

/** Jobs of one script: bounds how long it blocks the server. */
const ADD_BATCH = 50;
const PING_TTL_MS = 1000;

const CANCEL_OUTCOMES: readonly CancelOutcome[] = ["cancelled", "cancelling", "finished", "unknown"];

/** One queue of the store. */
export function createRedisQueue(context: QueueContext, options: OpenQueueOptions): StoredQueue {
  return new RedisQueue(context, options);
}

class RedisQueue implements StoredQueue {
  readonly clock: TimerClock;
  readonly #context: QueueContext;
  readonly #options: OpenQueueOptions;
  readonly #listing: Listing;
  readonly #consumers = new Set<Consumer>();
  /** Arguments of operations that cancel: how many cancelled jobs are kept, and for how long. */
  readonly #kept: readonly string[];
  #runner: ScriptRunner | undefined;

  constructor(context: QueueContext, options: OpenQueueOptions) {
    this.clock = context.clock;
    this.#context = context;
    this.#options = options;
    this.#listing = new Listing(context.run);
    const { finished } = options.retention;
    this.#kept = [String(finished.count), String(finished.ageMs)];
  }

  async add(jobs: readonly NewJob[]): Promise<readonly AddOutcome[]> {
    const outcomes: AddOutcome[] = [];
    for (let i = 0; i < jobs.length; i += ADD_BATCH) {
      outcomes.push(...(await addBatch(this.#context.run, jobs.slice(i, i + ADD_BATCH))));
    }
    return outcomes;
  }

  async get(id: string): Promise<StoredJob | undefined> {
    return (await this.#listing.byIds([id]))[0];
  }

  list(query: JobQuery): Promise<Page<StoredJob>> {
    return this.#listing.list(query);
  }

  async counts(): Promise<JobCounts> {
    const [waiting = 0, delayed = 0, active = 0, dead = 0] = integers(await this.#context.run("counts", []));
    return { waiting, delayed, active, dead };
  }

  async tenantStats(tenantId: string): Promise<TenantStats> {
    const [stats] = await this.#statsOf([tenantId]);
    if (stats === undefined) throw new StoreError("expected the statistics of a tenant, got none");
    return stats;
  }

  async listTenants({ limit, cursor }: { limit: number; cursor?: string }): Promise<Page<TenantStats>> {
    const reply = await this.#context.run("tenants", [cursor ?? "", String(limit), "0"]);
    const [next = "", ...names] = (reply as unknown[]).map(String);
    const items = (await this.#statsOf(names.map(keySegmentText))).filter(isInUse);
    return next === "" ? { items } : { items, cursor: next };
  }

  async cancel(id: string): Promise<CancelOutcome> {
    const [code = 3] = integers(await this.#context.run("cancel", [...this.#kept, segmentOf(id)]));
    return CANCEL_OUTCOMES[code] ?? "unknown";
  }

  cancelTenant(tenantId: string, limit: number): Promise<Cancelled> {
    return this.#cancelSome(tenantId, limit, false);
  }

  pauseTenant(tenantId: string): Promise<void> {
    return this.#change(tenantId, "pause");
  }

  resumeTenant(tenantId: string): Promise<void> {
    return this.#change(tenantId, "resume");
  }

  setShare(tenantId: string, share: TenantShare): Promise<void> {
    return this.#change(tenantId, "share", shareArgs(share));
  }

  async redrive(query: RedriveQuery): Promise<{ readonly moved: number; readonly cursor?: string }> {
    const { ids, cursor } = await this.#listing.deadOf(query);
    const moved = ids.length === 0 ? 0 : Number(await this.#context.run("redrive", ids.map(segmentOf)));
    return cursor === undefined ? { moved } : { moved, cursor };
  }

  async purgeTenant(tenantId: string, limit: number): Promise<number> {
    let { cancelled: removed } = await this.#cancelSome(tenantId, limit, true);
    for (const state of ["dead", "completed", "cancelled"] as const) {
      if (removed >= limit) return removed;
      const ids = await this.#listing.some(state, tenantId, limit - removed);
      const args = [keySegment(tenantId), ...ids.map(segmentOf)];
      if (ids.length > 0) removed += Number(await this.#context.run("purge", args));
    }
    if (removed < limit) await this.#change(tenantId, "purge");
    return removed;
  }

  async claim(key: string, owner: string, ttlMs: number): Promise<boolean> {
    const { connection, timeoutMs, keyPrefix } = this.#context;
    this.#runner ??= createScriptRunner({ redis: connection, timeoutMs });
    const call = { keys: [`${keyPrefix}fair:k:${keySegment(key)}`], args: [owner, String(ttlMs)] };
    return (await this.#runner.run(claimScript, call)) === 1;
  }

  async ping(): Promise<void> {
    // A write: a server that is read-only or full answers reads.
    await this.claim("ping", "ping", PING_TTL_MS);
  }

  consume(handler: JobHandler, options: ConsumeOptions): Consumer {
    const { retention } = this.#options;
    const consumer = createConsumer({ context: this.#context, handler, options, retention });
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#context.close();
  }

  /** Cancels up to `limit` jobs of a tenant; a purge keeps nothing of them. */
  async #cancelSome(tenantId: string, limit: number, purge: boolean): Promise<Cancelled> {
    const args = [...this.#kept, keySegment(tenantId), purge ? "1" : "0", String(limit)];
    const [cancelled = 0, cancelling = 0] = integers(await this.#context.run("cancelTenant", args));
    return { cancelled, cancelling };
  }

  async #change(tenantId: string, kind: string, args: readonly string[] = []): Promise<void> {
    await this.#context.run("tenant", [kind, keySegment(tenantId), ...args]);
  }

  async #statsOf(tenantIds: readonly string[]): Promise<readonly TenantStats[]> {
    if (tenantIds.length === 0) return [];
    const values = integers(await this.#context.run("stats", tenantIds.map(keySegment)));
    return tenantIds.map((tenantId, i) => {
      const [waiting = 0, delayed = 0, active = 0, dead = 0, paused = 0, oldestWaitMs = 0] = values.slice(7 * i);
      return { tenantId, waiting, delayed, active, dead, paused: paused === 1, oldestWaitMs };
    });
  }
}

interface Cancelled {
  readonly cancelled: number;
  readonly cancelling: number;
}

const isInUse = ({ waiting, delayed, active, dead, paused }: TenantStats): boolean =>
  waiting + delayed + active + dead > 0 || paused;

async function addBatch(run: RunOperation, jobs: readonly NewJob[]): Promise<readonly AddOutcome[]> {
  const tenants = new Map<string, { readonly index: number; args: readonly string[] }>();
  const args = jobs.flatMap((job) => {
    const tenant = keySegment(job.tenantId);
    const index = tenants.get(tenant)?.index ?? tenants.size + 1;
    tenants.set(tenant, { index, args: [tenant, ...shareArgs(job.share)] });
    return [...jobArgs(job, index), ...idempotencyArgs(job)];
  });
  const shares = [...tenants.values()].flatMap((tenant) => tenant.args);
  const reply = await run("add", [String(tenants.size), String(jobs.length), ...shares, ...args]);
  if (!Array.isArray(reply) || reply.length !== 2 * jobs.length)
    throw new StoreError(`expected ${2 * jobs.length} values from Redis, got another reply`);
  return jobs.map((job, i) => outcomeOf(job, Number(reply[2 * i]), String(reply[2 * i + 1])));
}

function idempotencyArgs(job: NewJob): string[] {
  return job.idempotency === undefined ? ["", "0"] : [idempotencyId(job), String(job.idempotency.ttlMs)];
}

function outcomeOf({ share }: NewJob, code: number, value: string): AddOutcome {
  if (code === 2) return { kind: "backlog-full", backlog: Number(value), maxBacklog: share.maxBacklog };
  return { kind: code === 0 ? "stored" : "deduplicated", id: idOf(value) };
}
