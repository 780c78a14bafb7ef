import { randomUUID } from "node:crypto";
import { deadline as currentDeadline, InputError, tenancy } from "@scale/core";
import { describeValue, MAX_ID_LENGTH, parseDuration, parseTenantId } from "@scale/core/kit";
import { checkValue } from "../jobs/decode.js";
import { checkedCost, checkedKey, findJob } from "../jobs/define.js";
import { encodeJson } from "../jobs/encode.js";
import type { JobDefinition, Jobs } from "../jobs/types.js";
import type { OutboxJob, TimerClock } from "../store.js";
import type { TraceBridge } from "../trace.js";
import type { EnqueueOptions } from "./types.js";

export interface PrepareContext {
  readonly jobs: Jobs;
  readonly clock: TimerClock;
  readonly maxPayload: number;
  readonly trace: TraceBridge | undefined;
}

export interface PrepareRequest extends EnqueueOptions {
  readonly name: string;
  readonly data: unknown;
  /** Key of a schedule. No key of the application can be equal to it. */
  readonly scheduleKey?: { readonly key: string; readonly ttlMs: number };
}

const TEN_YEARS_MS = 3660 * 86_400_000;
const PRIORITIES: ReadonlySet<unknown> = new Set(["high", "normal", "low"]);

/**
 * Checks a request and builds the job to store. The tenant, the trace and the JSON text are taken before the first await: what the
 * caller changes afterwards changes nothing.
 */
export async function prepareJob(context: PrepareContext, request: PrepareRequest): Promise<OutboxJob> {
  const { jobs, clock, maxPayload, trace } = context;
  const { name, data } = request;
  const definition = findJob(jobs, name);
  if (definition === undefined) {
    const known = Object.keys(jobs).slice(0, 20).join(", ");
    throw new InputError(`enqueue: expected the name of a job (${known}), got ${describeValue(name)}`);
  }
  const now = clock.now();
  const owner = ownerOf(request);
  const times = timesOf(request, definition, now);
  const payload = encodeJson(data, { job: name, maxBytes: maxPayload });
  const traced = trace?.current();
  const checked = await checkValue(definition.input, data, "data");
  if (checked.kind === "invalid") throw new InputError(`job ${describeValue(name)}: ${checked.message}`);
  const idempotency = request.scheduleKey ?? keyOf(request, definition, checked.data);
  return {
    id: randomUUID(),
    name,
    version: definition.version,
    payload,
    ...owner,
    priority: priorityOf(request, definition),
    cost: request.cost === undefined ? definition.costOf(checked.data) : checkedCost(request.cost),
    maxAttempts: definition.maxAttempts,
    maxCrashes: definition.maxCrashes,
    enqueuedAtMs: now,
    ...times,
    ...traced,
    ...(idempotency !== undefined && { idempotency }),
  };
}

function keyOf({ idempotencyKey }: EnqueueOptions, definition: JobDefinition, data: unknown): OutboxJob["idempotency"] {
  const key = idempotencyKey === undefined ? definition.idempotencyKeyOf(data) : checkedKey(idempotencyKey);
  // Keys of schedules and of the relay begin differently: a key that a client chose cannot take their place.
  return key === undefined ? undefined : { key: `=${key}`, ttlMs: definition.idempotencyTtlMs };
}

function ownerOf({ tenantId, userId }: EnqueueOptions): Pick<OutboxJob, "tenantId" | "userId"> {
  if (tenantId === undefined) {
    const current = tenancy.require();
    return withUser(current.tenantId, userId ?? current.userId);
  }
  const current = tenancy.current();
  return withUser(parseTenantId(tenantId), userId ?? (current?.tenantId === tenantId ? current.userId : undefined));
}

function withUser(tenantId: string, userId: unknown): Pick<OutboxJob, "tenantId" | "userId"> {
  if (userId === undefined) return { tenantId };
  if (typeof userId === "string" && userId.length > 0 && userId.length <= MAX_ID_LENGTH) return { tenantId, userId };
  throw new InputError(
    `enqueue: userId: expected a string of 1 to ${MAX_ID_LENGTH} characters, got ${describeValue(userId)}`,
  );
}

function timesOf(
  { delay, runAt, deadline }: EnqueueOptions,
  definition: JobDefinition,
  now: number,
): Pick<OutboxJob, "runAtMs" | "deadlineAtMs"> {
  const dueMs = runAt === undefined ? now + durationOf("delay", delay) : timeOf(runAt);
  if (runAt !== undefined && delay !== undefined) throw new InputError("enqueue: expected delay or runAt, got both");
  if (dueMs > now + TEN_YEARS_MS) throw new InputError("enqueue: expected a job that is due within 10 years");
  const due = dueMs > now ? { runAtMs: dueMs } : {};
  if (deadline === "inherit") {
    const leftMs = currentDeadline.remainingMs();
    return leftMs === Infinity ? due : { ...due, deadlineAtMs: now + leftMs };
  }
  const leftMs = deadline === undefined ? definition.deadlineMs : durationOf("deadline", deadline);
  return leftMs === undefined ? due : { ...due, deadlineAtMs: Math.max(dueMs, now) + leftMs };
}

/** Milliseconds; 0 when the option is absent. */
function durationOf(option: string, value: unknown): number {
  if (value === undefined) return 0;
  try {
    return parseDuration(value);
  } catch (cause) {
    throw new InputError(`enqueue: ${option}: expected a duration such as "30s", got ${describeValue(value)}`, {
      cause,
    });
  }
}

function timeOf(runAt: unknown): number {
  const ms = runAt instanceof Date ? runAt.getTime() : Number.NaN;
  if (Number.isFinite(ms)) return ms;
  throw new InputError(`enqueue: runAt: expected a valid Date, got ${describeValue(runAt)}`);
}

function priorityOf({ priority }: EnqueueOptions, definition: JobDefinition): OutboxJob["priority"] {
  if (priority === undefined) return definition.priority;
  if (PRIORITIES.has(priority)) return priority;
  throw new InputError(`enqueue: priority: expected "high", "normal" or "low", got ${describeValue(priority)}`);
}
