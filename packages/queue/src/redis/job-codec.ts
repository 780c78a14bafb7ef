import { createHash } from "node:crypto";
import { StoreError } from "@scale/core";
import { keySegment, keySegmentText } from "@scale/core/kit";
import type { NewJob } from "../store.js";
import type { DeadReason, JobFailure, JobPriority, JobState, StoredJob, TenantShare } from "../types.js";

const CLASSES: Readonly<Record<JobPriority, number>> = { high: 0, normal: 1, low: 2 };
const PRIORITIES: readonly JobPriority[] = ["high", "normal", "low"];

/** Names of BullMQ's own keys: a job of such an id would be taken for one of them. */
const RESERVED = /^[a-z-]+$/;

/** A job's id as part of its key: no two ids share one, and none is a key of BullMQ's own. */
export function segmentOf(id: string): string {
  const segment = keySegment(id);
  return RESERVED.test(segment) ? `%-${segment}` : segment;
}

export function idOf(segment: string): string {
  return keySegmentText(segment.startsWith("%-") ? segment.slice(2) : segment);
}

/** Name of a job's idempotency key: a hash, because the three strings together may be several kilobytes long. */
export function idempotencyId({ tenantId, name, idempotency }: NewJob): string {
  return createHash("sha256")
    .update(JSON.stringify([tenantId, name, idempotency?.key]))
    .digest("base64url");
}

/** The arguments of a share: weight, cap, backlog limit, limit and milliseconds of the rate. */
export function shareArgs({ weight, maxInFlight, maxBacklog, rate }: TenantShare): string[] {
  return [weight, maxInFlight, maxBacklog, rate?.limit ?? 0, rate?.windowMs ?? 0].map(luaNumber);
}

/** A number as Lua reads it. */
function luaNumber(value: number): string {
  return value === Infinity ? "inf" : String(value);
}

/** The arguments of one job, without those of its deduplication. */
export function jobArgs(job: NewJob, tenantIndex: number): string[] {
  return [
    ...[segmentOf(job.id), job.name, job.payload, packRest(job), String(job.enqueuedAtMs), String(tenantIndex)],
    ...[String(CLASSES[job.priority]), luaNumber(job.cost), String(job.runAtMs ?? 0)],
  ];
}

/** Version, cost, attempts, crashes and class; then what a job may have, or null. */
type Rest = readonly [
  ...required: [number, number, number, number, number],
  runAtMs: number | null,
  deadlineAtMs: number | null,
  userId: string | null,
  traceparent: string | null,
  tracestate: string | null,
];

// By place: a field costs nothing but its value.
function packRest(job: NewJob): string {
  const { version, cost, maxAttempts, maxCrashes, priority } = job;
  const optional = [job.runAtMs, job.deadlineAtMs, job.userId, job.traceparent, job.tracestate];
  return JSON.stringify([version, cost, maxAttempts, maxCrashes, CLASSES[priority], ...optional.map((v) => v ?? null)]);
}

/** A job as BullMQ keeps it. */
export interface JobEntry {
  readonly segment: string;
  /** Names and values in turn. */
  readonly fields: unknown;
  readonly state: JobState;
  /** Due time of a delayed job. */
  readonly dueAtMs?: number | undefined;
}

export function readJob({ segment, fields, state, dueAtMs }: JobEntry): StoredJob {
  const hash = hashOf(fields);
  const rest = restOf(hash);
  const [version, cost, maxAttempts, maxCrashes, priority, runAtMs, deadlineAtMs, userId, traceparent, tracestate] =
    rest.values;
  return {
    ...{ id: idOf(segment), name: hash["name"] ?? "", payload: hash["data"] ?? "null", tenantId: rest.tenantId },
    ...{ version, cost, maxAttempts, maxCrashes, priority: PRIORITIES[priority] ?? "normal", state },
    ...{ enqueuedAtMs: numberOf(hash["timestamp"]) ?? 0, attemptsMade: numberOf(hash["fa"]) ?? 0 },
    crashes: numberOf(hash["stc"]) ?? 0,
    ...present({ runAtMs, userId, traceparent, tracestate, dueAtMs }),
    // A redriven job has lost its deadline.
    ...present({ deadlineAtMs: hash["nd"] === undefined ? deadlineAtMs : undefined }),
    ...progressOf(hash, state),
  };
}

function progressOf(hash: Hash, state: JobState): Partial<StoredJob> {
  const output = hash["returnvalue"];
  return {
    ...present({
      startedAtMs: numberOf(hash["processedOn"]),
      finishedAtMs: numberOf(hash["finishedOn"]),
      output: state === "completed" && output !== "" ? output : undefined,
      failure: hash["fl"] === undefined ? undefined : (JSON.parse(hash["fl"]) as JobFailure),
      deadReason: state === "dead" ? (hash["dr"] as DeadReason | undefined) : undefined,
    }),
  };
}

type Hash = Readonly<Record<string, string | undefined>>;

function hashOf(fields: unknown): Hash {
  if (!Array.isArray(fields)) throw new StoreError("expected the fields of a job, got another reply");
  const hash: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i + 1 < fields.length; i += 2) hash[String(fields[i])] = String(fields[i + 1]);
  return hash;
}

const NO_REST: Rest = [1, 1, 1, 0, 1, null, null, null, null, null];

/** Fields that the store keeps beside BullMQ's. A job that another program added through BullMQ has none of it. */
function restOf(hash: Hash): { readonly tenantId: string; readonly values: Rest } {
  const opts = JSON.parse(hash["opts"] ?? "{}") as { readonly tn?: string; readonly sc?: string };
  const values = opts.sc === undefined ? NO_REST : (JSON.parse(opts.sc) as Rest);
  return { tenantId: keySegmentText(opts.tn ?? ""), values };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}

/** The entries that have a value: absent fields stay absent. */
function present<T extends Readonly<Record<string, unknown>>>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}
