import type { Clock, PlanResolver } from "@scale/core";
import { createQueue, createWorker, memoryStore, type Queue, type QueueStore } from "@scale/queue";
import { drizzleClient } from "@scale/queue/drizzle";
import { createOnce, type OnceLedger } from "@scale/queue/once";
import { createOutbox, createOutboxRelay } from "@scale/queue/outbox";
import { redisStore } from "@scale/queue/redis";
import { Redis } from "ioredis";
import type { Components, LimitStore } from "../components.js";
import type { Database } from "../db/client.js";
import { SCHEMA } from "../db/schema.js";
import type { CrmHub } from "../notifications/hub.js";
import type { Teardown } from "../teardown.js";
import { type CrmJobDefinitions, jobs } from "./definitions.js";
import { crmHandlers } from "./handlers.js";
import { createJobsState, type JobsState } from "./state.js";
import { type RecordSubmission, recordSubmissions } from "./submissions.js";

export interface CrmJobs {
  readonly queue: Queue<CrmJobDefinitions>;
  /** Enqueues the jobs of a submission in its transaction. */
  readonly record: RecordSubmission;
  /** Enqueues many jobs of one tenant at once. Resolves to their number. */
  burst(): Promise<number>;
  /** The state of jobs and streams, for the live page. */
  state(): JobsState;
}

export interface CrmJobsOptions extends Pick<Components, "database" | "limitStore"> {
  readonly plans: PlanResolver;
  readonly hub: CrmHub;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

const NAME = "crm";
const CONCURRENCY = 20;
/** Deadline of a call to Redis. No request waits for it: submissions go through the outbox. */
const TIMEOUT_MS = 2000;
/** Deadline of the jobs that run when the process ends; then another process gets them. */
const DRAIN_MS = 3000;
/** A key of an effect is kept for longer than its job can be tried again. */
const LEDGER_MS = 2 * 86_400_000;
const PRUNE_MS = 3_600_000;

/** Starts the queue, the relay that fills it from committed transactions, and a worker in this process. */
export function startCrmJobs(options: CrmJobsOptions, teardown: Teardown): CrmJobs {
  const { database, limitStore, plans, hub, clock, onError } = options;
  const client = drizzleClient<Database>(database.db.$primary);
  const outbox = createOutbox({ client, schema: SCHEMA });
  const queue = createQueue(jobs, { name: NAME, store: createStore(limitStore), plans, outbox, timeoutMs: TIMEOUT_MS });
  teardown.defer(() => queue.close());
  const ledger = createOnce({ client, schema: SCHEMA });
  teardown.defer(pruneRegularly(ledger, onError));
  const worker = createWorker(queue, crmHandlers({ db: database.db, hub, ledger }), { concurrency: CONCURRENCY });
  // After the relay has ended, so that no job arrives that nothing runs.
  teardown.defer(() => worker.drain({ deadlineMs: DRAIN_MS }));
  const relay = createOutboxRelay({ outbox, deliver: { [`queue:${NAME}`]: queue.deliver } });
  teardown.defer(() => relay.close({ deadlineMs: DRAIN_MS }));
  const state = createJobsState({ store: limitStore.is, queue, relay, hub, clock });
  teardown.defer(() => state.stop());
  return {
    queue,
    record: recordSubmissions(queue),
    burst: () => enqueueBurst(queue),
    state: () => state.read(),
  };
}

/** @returns a function that ends it */
function pruneRegularly(ledger: OnceLedger<Database>, onError: (error: unknown) => void): () => void {
  const prune = (): Promise<unknown> => ledger.prune({ olderThanMs: LEDGER_MS }).catch(onError);
  let isEnded = false;
  let timer: NodeJS.Timeout | undefined;
  function arm(): void {
    if (!isEnded) timer = setTimeout(() => void prune().then(arm), PRUNE_MS).unref();
  }
  arm();
  return () => {
    isEnded = true;
    clearTimeout(timer);
  };
}

/** In Redis for all processes. Without one jobs end with the process; those of the outbox come again. */
function createStore(limitStore: LimitStore): QueueStore {
  if (limitStore.is === "memory") return memoryStore({ durability: "none" });
  // Never connects: the store opens connections like it, without the deadlines that the request path sets on its own.
  const template = new Redis(limitStore.url, { lazyConnect: true });
  return redisStore({ redis: template, prefix: "crm", timeoutMs: TIMEOUT_MS });
}

/** On the largest plan, whose backlog has room for them. */
const NOISY_TENANT = "amber-labs";
const BURST = 2000;
/** Jobs of one call. */
const CHUNK = 250;

async function enqueueBurst(queue: Queue<CrmJobDefinitions>): Promise<number> {
  const issue = new Date().toISOString();
  for (let first = 0; first < BURST; first += CHUNK) {
    const requests = Array.from({ length: CHUNK }, (_, n) => ({
      ...({ name: "newsletter.send", tenantId: NOISY_TENANT } as const),
      data: { issue, recipient: first + n },
    }));
    await queue.enqueueMany(requests);
  }
  return BURST;
}
