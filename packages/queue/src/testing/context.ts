import { randomUUID } from "node:crypto";
import { afterEach, beforeEach } from "vitest";
import type {
  Consumer,
  ConsumeOptions,
  NewJob,
  OpenQueueOptions,
  QueueStore,
  Settlement,
  SettleOutcome,
  StoredQueue,
} from "../store.js";
import type { StoredJob, TenantShare } from "../types.js";

/** A store under test. */
export interface QueueStoreHarness {
  readonly store: QueueStore;
  /** Lets time pass: of a virtual clock, or by waiting. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

/** One behaviour of the contract. */
export type Row = readonly [title: string, run: (context: StoreContext) => Promise<void>];

export type CreateHarness = () => Promise<QueueStoreHarness>;

export const SHARE: TenantShare = { weight: 1, maxInFlight: Infinity, maxBacklog: 100_000 };

/** Leases that end soon, so that the suite does not wait long for a crash. */
export const LEASE_MS = 600;

type WithoutUsed<S> = S extends unknown ? Omit<S, "usedMs"> & { readonly usedMs?: number } : never;
export type SettlementInput = WithoutUsed<Settlement>;

export interface Run {
  readonly job: StoredJob;
  readonly signal: AbortSignal;
  settle(settlement: SettlementInput): void;
}

/** A consumer whose runs the test settles, or `answer` does. */
export class TestWorker {
  readonly consumer: Consumer;
  readonly runs: Run[] = [];
  readonly settled: { readonly job: StoredJob; readonly settlement: Settlement; readonly outcome: SettleOutcome }[] =
    [];
  /** Largest number of runs at once. */
  peak = 0;
  #running = 0;

  constructor(
    stored: StoredQueue,
    options: Partial<ConsumeOptions>,
    answer?: (run: Run) => SettlementInput | undefined,
  ) {
    this.consumer = stored.consume(
      {
        run: ({ job, lease }) => {
          const controller = new AbortController();
          const { signal } = controller;
          lease.onAbort((reason) => controller.abort(reason));
          this.#running += 1;
          this.peak = Math.max(this.peak, this.#running);
          return new Promise((resolve) => {
            const settle = (settlement: SettlementInput): void => {
              this.#running -= 1;
              resolve({ usedMs: 1, ...settlement });
            };
            const run: Run = { job, signal, settle };
            this.runs.push(run);
            const settlement = answer?.(run);
            if (settlement !== undefined) settle(settlement);
          });
        },
        settled: (job, settlement, outcome) => void this.settled.push({ job, settlement, outcome }),
        failed: () => undefined,
      },
      { concurrency: 10, leaseMs: LEASE_MS, ...options },
    );
  }

  get ids(): string[] {
    return this.runs.map(({ job }) => job.id);
  }

  get names(): string[] {
    return this.runs.map(({ job }) => job.name);
  }
}

/** The queue under test, and the tools of a row. */
export interface StoreContext {
  /** The queue under test, new for each test. */
  readonly stored: StoredQueue;
  /** The same queue, as another process opens it. */
  readonly other: () => StoredQueue;
  /** Another queue of the same store. */
  readonly open: (options?: Partial<OpenQueueOptions>) => StoredQueue;
  readonly now: () => number;
  readonly advance: (ms: number) => Promise<void>;
  /** Lets time pass until the condition is true, and fails after `limitMs`. */
  readonly until: (condition: () => boolean | Promise<boolean>, limitMs?: number) => Promise<void>;
  readonly work: (
    options?: Partial<ConsumeOptions>,
    answer?: (run: Run) => SettlementInput | undefined,
    stored?: StoredQueue,
  ) => TestWorker;
  readonly newJob: (job?: Partial<NewJob>) => NewJob;
}

export const COMPLETED = (): SettlementInput => ({ kind: "completed" });

export const OPTIONS: Omit<OpenQueueOptions, "name"> = {
  charge: "count",
  retention: { finished: { count: 1000, ageMs: 3_600_000 }, dead: { count: 1000, ageMs: 3_600_000 } },
};

/** Opens a new queue for each test, and ends its consumers afterwards. */
export function useStore(create: CreateHarness): StoreContext {
  let harness: QueueStoreHarness;
  let stored: StoredQueue;
  let name = "";
  let opened: StoredQueue[] = [];
  let workers: TestWorker[] = [];

  const open = (options: Partial<OpenQueueOptions> = {}): StoredQueue => {
    const queue = harness.store.open({ ...OPTIONS, name: `suite-${randomUUID()}`, ...options });
    opened.push(queue);
    return queue;
  };

  beforeEach(async () => {
    harness = await create();
    opened = [];
    workers = [];
    name = `suite-${randomUUID()}`;
    stored = open({ name });
  });

  afterEach(async () => {
    for (const { runs } of workers) for (const run of runs) run.settle({ kind: "handed-back" });
    await Promise.all(workers.map(({ consumer }) => consumer.close()));
    await Promise.all([...new Set(opened)].map((queue) => queue.close()));
    await harness.close();
  });

  return {
    get stored() {
      return stored;
    },
    other: () => open({ name }),
    open,
    now: () => stored.clock.now(),
    advance: (ms) => harness.advance(ms),
    async until(condition, limitMs = 5000) {
      const endMs = stored.clock.now() + limitMs;
      while (!(await condition())) {
        if (stored.clock.now() > endMs) throw new Error(`not within ${limitMs} ms: ${condition.toString()}`);
        await harness.advance(10);
      }
    },
    work(options = {}, answer, queue = stored) {
      const worker = new TestWorker(queue, options, answer);
      workers.push(worker);
      return worker;
    },
    newJob: (job = {}) => ({
      ...{ id: randomUUID(), name: "test", version: 1, payload: "{}", tenantId: "acme", priority: "normal", cost: 1 },
      ...{ maxAttempts: 3, maxCrashes: 3, enqueuedAtMs: stored.clock.now(), share: SHARE },
      ...job,
    }),
  };
}
