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
    ...[String(CLASSES[job.priority]), luaNumber(storedCost(job)), String(job.runAtMs ?? 0)],
  ];
}

/** Redis' JSON writes 14 digits. The line of the tenant has to hold the same number, or the job is not found in it. */
const storedCost = ({ cost }: NewJob): number => Number(cost.toPrecision(14));

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
  const opts = JSON.parse(hash.opts ?? "{}") as { readonly tn?: string; readonly sc?: string };
  // A job that another program added through BullMQ has none of it.
  const rest = opts.sc === undefined ? NO_REST : (JSON.parse(opts.sc) as Rest);
  const [version, cost, maxAttempts, maxCrashes, priority, runAtMs, deadlineAtMs, userId, traceparent, tracestate] =
    rest;
  const job: Filled = {
    ...{
      id: idOf(segment),
      name: hash.name ?? "",
      payload: hash.data ?? "null",
      tenantId: keySegmentText(opts.tn ?? ""),
    },
    ...{ version, cost, maxAttempts, maxCrashes, priority: PRIORITIES[priority] ?? "normal", state },
    ...{ enqueuedAtMs: numberOf(hash.timestamp) ?? 0, attemptsMade: numberOf(hash.fa) ?? 0 },
    crashes: numberOf(hash.stc) ?? 0,
  };
  // One by one: every leased job passes here, and absent fields stay absent.
  if (runAtMs !== null) job.runAtMs = runAtMs;
  if (userId !== null) job.userId = userId;
  if (traceparent !== null) job.traceparent = traceparent;
  if (tracestate !== null) job.tracestate = tracestate;
  if (dueAtMs !== undefined) job.dueAtMs = dueAtMs;
  // A redriven job has lost its deadline.
  if (deadlineAtMs !== null && hash.nd === undefined) job.deadlineAtMs = deadlineAtMs;
  fillProgress(job, hash);
  return job;
}

type Filled = { -readonly [K in keyof StoredJob]: StoredJob[K] };

function fillProgress(job: Filled, { processedOn, finishedOn, returnvalue, fl, dr }: Hash): void {
  const startedAtMs = numberOf(processedOn);
  if (startedAtMs !== undefined) job.startedAtMs = startedAtMs;
  const finishedAtMs = numberOf(finishedOn);
  if (finishedAtMs !== undefined) job.finishedAtMs = finishedAtMs;
  if (job.state === "completed" && returnvalue !== undefined && returnvalue !== "") job.output = returnvalue;
  if (fl !== undefined) job.failure = JSON.parse(fl) as JobFailure;
  if (job.state === "dead" && dr !== undefined) job.deadReason = dr as DeadReason;
}

const FIELDS = ["name", "data", "opts", "timestamp", "processedOn", "finishedOn", "returnvalue"] as const;
/** Fields of ours: failed attempts, last failure, reason of the death, crashes, and whether the deadline is lifted. */
const OWN_FIELDS = ["fa", "fl", "dr", "stc", "nd"] as const;

type Field = (typeof FIELDS)[number] | (typeof OWN_FIELDS)[number];
type Hash = { [F in Field]?: string };

const KNOWN: ReadonlySet<string> = new Set([...FIELDS, ...OWN_FIELDS]);
const isField = (name: string): name is Field => KNOWN.has(name);

function hashOf(fields: unknown): Hash {
  if (!Array.isArray(fields)) throw new StoreError("expected the fields of a job, got another reply");
  const hash: Hash = {};
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = String(fields[i]);
    if (isField(name)) hash[name] = String(fields[i + 1]);
  }
  return hash;
}

const NO_REST: Rest = [1, 1, 1, 0, 1, null, null, null, null, null];

function numberOf(text: string | undefined): number | undefined {
  return text === undefined || text === "" ? undefined : Number(text);
}
