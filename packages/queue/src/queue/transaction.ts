import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { AddOutcome, OutboxJob, StoredQueue } from "../store.js";
import { type AddJobs, publishOutcomes, withShares } from "./enqueue.js";
import type { ShareOf } from "./shares.js";
import type { StoreCalls } from "./store-calls.js";
import type { DeliveryFailure, OutboxDelivery, OutboxLike } from "./types.js";

export interface AddContext {
  readonly queue: string;
  readonly stored: StoredQueue;
  readonly shareOf: ShareOf;
  readonly call: StoreCalls;
  readonly outbox: OutboxLike | undefined;
}

/** Stores jobs at once. */
export const addNow =
  (context: AddContext): AddJobs =>
  async (jobs) => {
    const ready = await withShares(context.shareOf, jobs);
    const { stored, call, queue } = context;
    const outcomes = await (stored.runsInline === true
      ? stored.add(ready)
      : call(nameOf("add", jobs), () => stored.add(ready)));
    return publishOutcomes(queue, jobs, outcomes);
  };

/** Stores jobs when the transaction commits: by the store itself, or through the outbox. */
export function addInTransaction({ queue, stored, shareOf, call, outbox }: AddContext, tx: unknown): AddJobs {
  if (stored.addInTransaction !== undefined) {
    const add = stored.addInTransaction;
    return async (jobs) => {
      const ready = await withShares(shareOf, jobs);
      return call(nameOf("add", jobs), () => add(tx, ready));
    };
  }
  if (outbox === undefined) {
    throw new ConfigError(
      "queue.in: expected a store with transactions or the option outbox of createQueue, got neither",
    );
  }
  return async (jobs) => {
    const outcomes: AddOutcome[] = [];
    // One after the other: a transaction is one connection.
    for (const payload of jobs) {
      const { id, tenantId } = payload;
      await outbox.write(tx, { kind: `queue:${queue}`, tenantId, payload, id });
      outcomes.push({ kind: "stored", id });
    }
    return outcomes;
  };
}

/** An idempotency key that the relay adds holds this long: an outbox may come back after an outage of its database. */
const RELAY_TTL_MS = 7 * 86_400_000;

/**
 * Enqueues what an outbox holds. A batch that is delivered again is stored once, also when its jobs have run and were removed.
 * @returns the messages that could not be delivered
 */
export async function deliverOutbox(
  add: AddJobs,
  messages: readonly OutboxDelivery[],
): Promise<readonly DeliveryFailure[]> {
  const failures: DeliveryFailure[] = [];
  const jobs: OutboxJob[] = [];
  for (const { id, payload } of messages) {
    if (isOutboxJob(payload)) jobs.push({ idempotency: { key: `outbox:${id}`, ttlMs: RELAY_TTL_MS }, ...payload, id });
    else failures.push({ id, permanent: true, error: new TypeError(`expected a job, got ${describeValue(payload)}`) });
  }
  if (jobs.length === 0) return failures;
  const outcomes = await add(jobs);
  for (const [index, { id, tenantId }] of jobs.entries()) {
    const outcome = outcomes[index];
    if (outcome?.kind !== "backlog-full") continue;
    failures.push({ id, error: new Error(`the backlog of tenant ${describeValue(tenantId)} is full`) });
  }
  return failures;
}

/** The parts without which a store cannot take it; the worker checks the payload. */
function isOutboxJob(value: unknown): value is OutboxJob {
  if (typeof value !== "object" || value === null) return false;
  return ["name", "payload", "tenantId"].every((key) => typeof Reflect.get(value, key) === "string");
}

const nameOf = (operation: string, jobs: readonly OutboxJob[]) => {
  const [first] = jobs;
  return first === undefined ? { operation } : { operation, tenantId: first.tenantId };
};
