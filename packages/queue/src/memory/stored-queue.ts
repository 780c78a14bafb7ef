import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { CancelOutcome, Page, RedriveQuery, StoredQueue } from "../store.js";
import type { TenantStats } from "../types.js";
import type { Consumers } from "./consumers.js";
import { type Entry, snapshot } from "./entry.js";
import type { QueueState } from "./queue-state.js";

/** The port over a queue in memory. Nothing waits: every answer is one step of this process. */
export function createStoredQueue(state: QueueState, consumers: Consumers): StoredQueue {
  const { index, scheduler, clock, paused, claims } = state;
  const ended = createEnded(state);
  const cancels = createCancels(state, consumers);
  return {
    clock,
    ...ended,
    ...cancels,
    add: async (jobs) => state.add(jobs),
    counts: async () => index.counts(),
    tenantStats: async (tenantId) => statsOf(state, tenantId),
    async listTenants({ limit, cursor }) {
      const ids = new Set([...index.tenantIds(), ...paused]);
      const listed = [...ids].map((tenantId) => statsOf(state, tenantId)).filter(isListed);
      return pageOf(listed, limit, cursor);
    },
    async pauseTenant(tenantId) {
      paused.add(tenantId);
      scheduler.pause(tenantId, clock.now());
    },
    async resumeTenant(tenantId) {
      paused.delete(tenantId);
      scheduler.resume(tenantId, clock.now());
      state.onReady();
    },
    async setShare(tenantId, share) {
      scheduler.setShare(tenantId, share, clock.now());
      state.onReady();
    },
    claim: async (key, owner, ttlMs) => claims.claim(key, owner, { ttlMs, nowMs: clock.now() }),
    ping: async () => undefined,
    consume: (handler, options) => consumers.start(handler, options),
    close: async () => undefined,
  };
}

type Ended = Pick<StoredQueue, "get" | "list" | "redrive">;

function createEnded(state: QueueState): Ended {
  const { index } = state;
  return {
    async get(id) {
      state.prune();
      const entry = index.get(id);
      return entry === undefined ? undefined : snapshot(entry);
    },
    async list({ state: wanted, tenantId, limit, cursor }) {
      state.prune();
      const { items, ...next } = pageOf(index.jobs(wanted, tenantId), limit, cursor);
      return { items: items.map(snapshot), ...next };
    },
    async redrive({ ids, tenantId, name, diedBeforeMs, max }: RedriveQuery) {
      state.prune();
      const wanted = ids === undefined ? undefined : new Set(ids);
      const found: Entry[] = [];
      for (const entry of index.ended("dead", tenantId)) {
        if (found.length >= max || (entry.finishedAtMs ?? 0) >= diedBeforeMs) break;
        if (wanted !== undefined && !wanted.has(entry.record.id)) continue;
        if (name === undefined || entry.record.name === name) found.push(entry);
      }
      for (const entry of found) revive(state, entry);
      // Those that were moved are gone: the next call starts at the front again.
      return found.length < max ? { moved: found.length } : { moved: found.length, cursor: "0" };
    },
  };
}

function revive(state: QueueState, entry: Entry): void {
  const { deadlineAtMs: _, ...record } = entry.record;
  Object.assign(entry, {
    ...{ record, attemptsMade: 0, crashes: 0, isCancelled: false },
    ...{ failure: undefined, deadReason: undefined, finishedAtMs: undefined, dueAtMs: state.clock.now() },
  });
  state.makeReady(entry, "tail");
}

type Cancels = Pick<StoredQueue, "cancel" | "cancelTenant" | "purgeTenant">;

function createCancels(state: QueueState, consumers: Consumers): Cancels {
  const { index, keys, paused, scheduler } = state;

  function cancelOne(entry: Entry): CancelOutcome {
    const isActive = entry.state === "active";
    if (!isActive && entry.state !== "waiting" && entry.state !== "delayed") return "finished";
    state.releaseKey(entry);
    if (isActive) {
      consumers.abort(entry);
      return "cancelling";
    }
    state.withdraw(entry);
    state.end(entry, "cancelled");
    return "cancelled";
  }

  return {
    async cancel(id) {
      const entry = index.get(id);
      return entry === undefined ? "unknown" : cancelOne(entry);
    },
    async cancelTenant(tenantId, limit) {
      const entries: Entry[] = [];
      for (const wanted of ["waiting", "delayed", "active"] as const) {
        for (const entry of index.jobs(wanted, tenantId)) {
          if (entries.length < limit && !entry.isCancelled) entries.push(entry);
        }
      }
      const outcomes = entries.map(cancelOne);
      const cancelled = outcomes.filter((outcome) => outcome === "cancelled").length;
      return { cancelled, cancelling: outcomes.length - cancelled };
    },
    async purgeTenant(tenantId, limit) {
      let removed = 0;
      for (const entry of [...index.ofTenant(tenantId)]) {
        if (entry.state === "active") {
          cancelOne(entry);
          entry.isPurged = true;
        } else if (removed < limit) {
          if (entry.state === "waiting" || entry.state === "delayed") state.withdraw(entry);
          index.remove(entry);
          removed += 1;
        }
      }
      if (removed < limit) {
        keys.releaseTenant(tenantId);
        paused.delete(tenantId);
        scheduler.forget(tenantId);
      }
      return removed;
    },
  };
}

function statsOf({ index, paused, clock }: QueueState, tenantId: string): TenantStats {
  const sinceMs = index.oldestWaitingSinceMs(tenantId);
  const oldestWaitMs = sinceMs === undefined ? 0 : Math.max(0, clock.now() - sinceMs);
  return { tenantId, ...index.counts(tenantId), paused: paused.has(tenantId), oldestWaitMs };
}

const isListed = ({ waiting, delayed, active, dead, paused }: TenantStats): boolean =>
  paused || waiting + delayed + active + dead > 0;

function pageOf<T>(all: Iterable<T>, limit: number, cursor = "0"): Page<T> {
  const start = Number(cursor);
  if (!Number.isSafeInteger(start) || start < 0) {
    throw new InputError(`cursor: expected the cursor of a page, got ${describeValue(cursor)}`);
  }
  const items: T[] = [];
  let index = 0;
  for (const item of all) {
    if (items.length === limit) return { items, cursor: String(index) };
    if (index >= start) items.push(item);
    index += 1;
  }
  return { items };
}
