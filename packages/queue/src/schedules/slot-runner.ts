import { randomUUID } from "node:crypto";
import { isScaleError, StoreError, tenancy } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { scheduleFail, scheduleFire } from "../events.js";
import type { PrepareRequest } from "../queue/prepare.js";
import { settledWithin } from "../settled-within.js";
import type { ParsedSchedule, ScheduleContext } from "./context.js";
import { spreadOffsetMs } from "./spread.js";

export interface SlotRunner {
  /** Enqueues the jobs of a slot, unless another process does. A slot that still waits for its turn is given up for this one. */
  fire(slotMs: number): void;
  /** Resolves when no slot is being enqueued, and in any case soon: the application's list of tenants may hang. */
  stop(): Promise<void>;
}

/** A process that dies while it enqueues a slot is succeeded by another after this time. */
const CLAIM_MS = 15_000;
const RETRY_MS = 2000;
/** For the batch that is being enqueued. */
const STOP_MS = 2000;
const BATCH = 100;

type Result = "done" | "busy" | "failed";

export function createSlotRunner(context: ScheduleContext, schedule: ParsedSchedule): SlotRunner {
  const { clock } = context.stored;
  const owner = randomUUID();
  let stopped = false;
  let currentMs = 0;
  let cancelTimer = (): void => undefined;
  const inProgress = new Set<Promise<void>>();

  const isCurrent = (slotMs: number): boolean => !stopped && slotMs === currentMs;

  async function pursue(slotMs: number): Promise<void> {
    const result = await enqueueSlot(context, schedule, { slotMs, owner, isStopped: () => stopped });
    if (result === "done" || !isCurrent(slotMs)) return;
    if (clock.now() - slotMs > schedule.catchUpMs) return;
    cancelTimer = clock.setTimer(() => track(slotMs), result === "busy" ? CLAIM_MS : RETRY_MS);
  }

  // Outside of the request that may have started the schedule: a slot has no tenant, and no deadline of a caller.
  function track(slotMs: number): void {
    const work = inRootContext(() => pursue(slotMs)).finally(() => inProgress.delete(work));
    inProgress.add(work);
  }

  return {
    fire(slotMs) {
      cancelTimer();
      currentMs = slotMs;
      track(slotMs);
    },
    async stop() {
      stopped = true;
      cancelTimer();
      await settledWithin(clock, STOP_MS, Promise.all(inProgress));
    },
  };
}

interface Slot {
  readonly slotMs: number;
  readonly owner: string;
  readonly isStopped: () => boolean;
}

/** Never rejects: failures are published. A slot that is enqueued again stores nothing twice, by its idempotency keys. */
async function enqueueSlot(context: ScheduleContext, schedule: ParsedSchedule, slot: Slot): Promise<Result> {
  const { queue, stored, call } = context;
  const { slotMs, owner, isStopped } = slot;
  const key = `schedule:${schedule.name}:${slotMs}`;
  const claim = (ttlMs: number): Promise<boolean> =>
    call({ operation: "claim" }, () => stored.claim(key, owner, Math.ceil(ttlMs)));
  const fail = (error: unknown, tenantId?: string): void =>
    scheduleFail.publish(() => ({ tenantId, queue, schedule: schedule.name, slotMs, error }));
  try {
    if (!(await claim(CLAIM_MS))) return "busy";
    let enqueued = 0;
    for await (const batch of batchesOf(await tenantsOf(schedule), BATCH)) {
      enqueued += await enqueueBatch(context, { schedule, slotMs, key, fail }, batch);
      if (isStopped()) return "failed";
      if (!(await claim(CLAIM_MS))) return "busy";
    }
    scheduleFire.publish(() => ({ queue, schedule: schedule.name, slotMs, enqueued }));
    // Held for as long as any process may try to catch up.
    await claim(schedule.catchUpMs + CLAIM_MS);
    return "done";
  } catch (error) {
    fail(error);
    return "failed";
  }
}

interface BatchContext {
  readonly schedule: ParsedSchedule;
  readonly slotMs: number;
  readonly key: string;
  readonly fail: (error: unknown, tenantId: string) => void;
}

/** @returns the number of jobs stored */
async function enqueueBatch(
  { enqueueMany, stored }: ScheduleContext,
  { schedule, slotMs, key, fail }: BatchContext,
  tenantIds: readonly string[],
): Promise<number> {
  const store = async (requests: readonly PrepareRequest[]): Promise<number> =>
    (await enqueueMany(requests)).filter(({ kind }) => kind === "stored").length;
  const now = stored.clock.now();
  const requests: PrepareRequest[] = [];
  for (const tenantId of tenantIds) {
    try {
      requests.push(await requestOf(schedule, { tenantId, slotMs, key, now }));
    } catch (error) {
      fail(error, tenantId);
    }
  }
  try {
    return await store(requests);
  } catch (error) {
    if (isScaleError(error, "SCALE_STORE")) throw error;
    return storeOneByOne(store, requests, fail);
  }
}

/** The plan or the data of one tenant is wrong; the others get their jobs. */
async function storeOneByOne(
  store: (requests: readonly PrepareRequest[]) => Promise<number>,
  requests: readonly PrepareRequest[],
  fail: (error: unknown, tenantId: string) => void,
): Promise<number> {
  let stored = 0;
  for (const request of requests) {
    try {
      stored += await store([request]);
    } catch (error) {
      if (isScaleError(error, "SCALE_STORE")) throw error;
      fail(error, request.tenantId ?? "");
    }
  }
  return stored;
}

interface SlotTenant {
  readonly tenantId: string;
  readonly slotMs: number;
  readonly key: string;
  readonly now: number;
}

async function requestOf(
  { name, job, data, spreadMs, catchUpMs }: ParsedSchedule,
  { tenantId, slotMs, key, now }: SlotTenant,
): Promise<PrepareRequest> {
  const value: unknown = typeof data === "function" ? await tenancy.run({ tenantId }, () => data(tenantId)) : data;
  const dueMs = slotMs + spreadOffsetMs(name, tenantId, spreadMs);
  const later = dueMs > now ? { runAt: new Date(dueMs) } : {};
  // Longer than any process may try to fire the slot.
  const scheduleKey = { key, ttlMs: catchUpMs + 3_600_000 };
  return { name: job, data: value, tenantId, scheduleKey, ...later };
}

async function tenantsOf({ tenants }: ParsedSchedule): Promise<Iterable<string> | AsyncIterable<string>> {
  const source: unknown = typeof tenants === "function" ? await tenants() : tenants;
  if (isIterable(source)) return source;
  throw new StoreError("the tenants of the schedule: expected an iterable of tenant ids");
}

function isIterable(value: unknown): value is Iterable<string> | AsyncIterable<string> {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

async function* batchesOf<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let batch: T[] = [];
  for await (const item of items) {
    if (batch.push(item) < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
