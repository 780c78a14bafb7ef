import { randomUUID } from "node:crypto";
import { inRootContext } from "@scale/core/kit";
import { systemTimerClock } from "../clock.js";
import { createPause, type Pause } from "../sql/pause.js";
import type { ConsumeOptions, Consumer, JobHandler } from "../store.js";
import type { FunctionCalls } from "./calls.js";
import type { PostgresQueueOptions } from "./options.js";
import { Runs } from "./runs.js";

export interface ConsumerOptions extends PostgresQueueOptions, ConsumeOptions {
  readonly call: FunctionCalls;
  readonly handler: JobHandler;
}

/** A cancel reaches the handler within a second: this, and two round trips. */
const MAX_RENEW_MS = 250;
const MAINTAIN_MS = 1000;
const MAX_BACKOFF_MS = 5000;
/** For the settlements to be stored. */
const CLOSE_MS = 900;
/** Up to so many kept jobs, finding those in excess costs less than the settlement. */
const TRIM_AT_ONCE = 100;

interface ConsumerState {
  readonly options: ConsumerOptions;
  readonly runs: Runs;
  readonly fetchPause: Pause;
  readonly renewPause: Pause;
  isStopped: boolean;
  isClosed: boolean;
}

/** Leases and runs jobs until it is closed. */
export function createConsumer(options: ConsumerOptions): Consumer & { wake(): void } {
  const fetchPause = createPause();
  const runs = new Runs({
    ...options,
    owner: randomUUID(),
    trimTo: options.retention.finished.count <= TRIM_AT_ONCE ? options.retention.finished.count : undefined,
    onEnd: () => fetchPause.end(),
  });
  const state: ConsumerState = {
    options,
    runs,
    fetchPause,
    renewPause: createPause(),
    isStopped: false,
    isClosed: false,
  };
  // A consumer may be created inside a request, and runs the jobs of every tenant.
  const { first, fetching } = inRootContext(() => {
    const firstFetch = fetch(state);
    void keepRenewing(state);
    return { first: firstFetch, fetching: keepFetching(state, firstFetch) };
  });

  async function stop(): Promise<void> {
    state.isStopped = true;
    fetchPause.end();
    await fetching;
  }

  return {
    ready: async () => void (await first),
    wake: () => fetchPause.end(),
    stop,
    async close() {
      // No run is pending now, and a lease outlives the settlement that is under way.
      state.isClosed = true;
      state.renewPause.end();
      await withinMs(stop().then(() => runs.settled()));
    },
  };
}

/** Fills the free places. @returns the pause before the next fetch, in milliseconds */
async function fetch({ options, runs }: ConsumerState): Promise<number> {
  const room = options.concurrency - runs.size;
  if (room <= 0) return options.pollMs;
  return (await runs.lease(room)) < room ? options.pollMs : 0;
}

async function keepFetching(state: ConsumerState, first: Promise<number>): Promise<void> {
  const { options, fetchPause } = state;
  let failures = 0;
  let next = first;
  for (;;) {
    let pauseMs: number;
    try {
      pauseMs = await next;
      failures = 0;
    } catch (error) {
      options.handler.failed(error);
      pauseMs = Math.min(MAX_BACKOFF_MS, options.pollMs * 2 ** Math.min(failures++, 16));
    }
    if (!state.isStopped) await fetchPause.wait(pauseMs);
    if (state.isStopped) return;
    next = fetch(state);
  }
}

/** Renews the leases, and now and then recovers jobs of dead workers and ends the retention of finished ones. */
async function keepRenewing(state: ConsumerState): Promise<void> {
  const { options, runs, renewPause } = state;
  let maintainedAtMs = -Infinity;
  for (;;) {
    await renewPause.wait(Math.min(MAX_RENEW_MS, options.leaseMs / 3));
    if (state.isClosed) return;
    if (runs.size > 0) await runs.renew();
    const nowMs = systemTimerClock.monotonic();
    if (state.isStopped || nowMs - maintainedAtMs < MAINTAIN_MS) continue;
    maintainedAtMs = nowMs;
    await maintain(options).catch((error: unknown) => options.handler.failed(error));
  }
}

async function maintain({ call, name, retention: { finished, dead } }: ConsumerOptions): Promise<void> {
  await call.one("scale_queue_maintain", [
    [name, "text"],
    [finished.count, "int"],
    [finished.ageMs, "float8"],
    [dead.count, "int"],
    [dead.ageMs, "float8"],
  ]);
}

/** Resolves when `work` does, and in any case within a second. */
function withinMs(work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemTimerClock.setTimer(resolve, CLOSE_MS);
    const end = (): void => {
      cancel();
      resolve();
    };
    work.then(end, end);
  });
}
