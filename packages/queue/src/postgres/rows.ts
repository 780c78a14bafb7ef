import { createHash } from "node:crypto";
import { z } from "zod";
import { storableText, type TenantColumns, textColumns, tenantOf } from "../sql/names.js";
import type { AddOutcome, NewJob } from "../store.js";
import type { JobFailure, JobPriority, JobRecord, StoredJob, TenantShare, TenantStats } from "../types.js";

const PRIORITIES: readonly JobPriority[] = ["high", "normal", "low"];

/** A job as the function that stores it takes it. */
export function toRow(job: NewJob, n: number): object {
  const { share, idempotency, deadlineAtMs, ...record } = job;
  const tenant = textColumns(job.tenantId);
  return {
    n,
    id: storableText(job.id, "id of the job"),
    tenant: tenant.key,
    priority: PRIORITIES.indexOf(job.priority),
    name: storableText(job.name, "name of the job"),
    record: JSON.stringify(record),
    share: shareText(tenant, share),
    cost: job.cost,
    due_at_ms: job.runAtMs,
    deadline_at_ms: deadlineAtMs,
    max_backlog: finite(share.maxBacklog),
    ...(idempotency !== undefined && {
      idempotency: keyOf(tenant.key, job.name, idempotency.key),
      ttl_ms: idempotency.ttlMs,
    }),
  };
}

/** A tenant's share as JSON, in which a field without a bound is null. */
export function shareText({ full }: TenantColumns, share?: TenantShare): string {
  if (share === undefined) return JSON.stringify({ full });
  const { weight, maxInFlight, maxBacklog, rate } = share;
  return JSON.stringify({
    full,
    weight,
    maxInFlight: finite(maxInFlight),
    maxBacklog: finite(maxBacklog),
    rateLimit: rate?.limit ?? null,
    rateWindowMs: rate?.windowMs ?? null,
  });
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

// A hash: a key may be long, and may contain what Postgres does not store.
const keyOf = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

const jobRow = z.object({
  id: z.string(),
  tenant: z.string(),
  state: z.enum(["incoming", "waiting", "delayed", "active", "completed", "cancelled", "dead"]),
  record: z.string(),
  due_at_ms: z.number().nullable(),
  deadline_at_ms: z.number().nullable(),
  attempts_made: z.number(),
  crashes: z.number(),
  cancelling: z.boolean(),
  lease: z.string().nullable(),
  started_at_ms: z.number().nullable(),
  finished_at_ms: z.number().nullable(),
  output: z.string().nullable(),
  failure: z.string().nullable(),
  dead_reason: z.enum(["attempts", "permanent", "expired", "poison", "invalid", "unknown-job"]).nullable(),
});

export interface JobRow {
  readonly job: StoredJob;
  /** Absent unless the job is active. */
  readonly lease: string | undefined;
}

/** Reads the JSON of a row. */
export function parseJob(text: string, nowMs: number): JobRow {
  const row = jobRow.parse(JSON.parse(text));
  // Written by `toRow`.
  const record = JSON.parse(row.record) as Omit<JobRecord, "deadlineAtMs">;
  const isDue = row.due_at_ms === null || row.due_at_ms <= nowMs;
  const state = row.state === "incoming" ? (isDue ? "waiting" : "delayed") : row.state;
  const failure = row.failure === null ? undefined : (JSON.parse(row.failure) as JobFailure);
  const job: StoredJob = {
    ...record,
    ...(row.deadline_at_ms !== null && { deadlineAtMs: row.deadline_at_ms }),
    state,
    attemptsMade: row.attempts_made,
    crashes: row.crashes,
    ...(state === "delayed" && row.due_at_ms !== null && { dueAtMs: row.due_at_ms }),
    ...(row.started_at_ms !== null && { startedAtMs: Math.floor(row.started_at_ms) }),
    ...(row.finished_at_ms !== null && { finishedAtMs: Math.floor(row.finished_at_ms) }),
    ...(row.output !== null && { output: row.output }),
    ...(failure !== undefined && { failure }),
    ...(row.dead_reason !== null && { deadReason: row.dead_reason }),
  };
  return { job, lease: row.lease ?? undefined };
}

const outcomeRow = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("stored"), id: z.string() }),
  z.object({ kind: z.literal("deduplicated"), id: z.string() }),
  z.object({ kind: z.literal("backlog-full"), backlog: z.number(), maxBacklog: z.number() }),
]);

export const parseOutcome = (text: string): AddOutcome => outcomeRow.parse(JSON.parse(text));

const statsRow = z.object({
  tenant: z.string(),
  full: z.string().nullable(),
  paused: z.boolean(),
  waiting: z.number(),
  delayed: z.number(),
  active: z.number(),
  dead: z.number(),
  oldestWaitMs: z.number(),
});

export function parseStats(text: string): { readonly stats: TenantStats; readonly key: string } {
  const { tenant, full, ...stats } = statsRow.parse(JSON.parse(text));
  return { stats: { ...stats, tenantId: tenantOf(tenant, full) }, key: tenant };
}
