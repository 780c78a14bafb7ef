import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "@scale/core";
import type { CacheContext } from "../coherence/context.js";
import type { TenantStates } from "../coherence/tenant-state.js";
import { type Job, runJob } from "./run-tenants.js";
import { parseWarm, type Settings } from "./options.js";
import { createPace } from "./token-bucket.js";
import { readerOf, untilStopped } from "./async-source.js";
import { Trail } from "./checkpoint.js";
import { createSlots } from "./semaphore.js";
import { Tally } from "./progress.js";
import type { WarmOptions, WarmProgress, WarmReport, WarmRun } from "./types.js";

const PROGRESS_MS = 250;
/** Batches and tenants after which others get their turn. */
const BREATH = 16;

/** Begins at once. @throws {ConfigError} for wrong options, {InputError} for a wrong `resume` */
export function startWarm(engine: CacheContext, spaces: TenantStates, options: WarmOptions): WarmRun {
  const plan = parseWarm(options);
  if (plan.memory === "skip" && engine.store === undefined) {
    throw new ConfigError('cache.warm: memory: "skip" without a store keeps nothing');
  }
  return new Run(engine, spaces, plan);
}

class Run implements WarmRun {
  readonly #total: number | undefined;
  readonly #tally: Tally;
  readonly #ended = new AbortController();
  readonly #done: Promise<WarmReport>;

  constructor(engine: CacheContext, spaces: TenantStates, plan: Settings) {
    const trail = new Trail(plan.resume);
    this.#total = plan.total;
    this.#tally = new Tally(trail, engine.clock);
    this.#done = this.#run(plan, { engine, spaces, trail });
  }

  // oxlint-disable-next-line unicorn/no-thenable -- to be awaited is what it is for
  then<A = WarmReport, B = never>(
    onReport?: ((report: WarmReport) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#done.then(onReport, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WarmProgress, void, undefined> {
    const { signal } = this.#ended;
    // Whoever reads the progress gets the error here.
    this.#done.catch(() => undefined);
    while (!signal.aborted) {
      const pause = new AbortController();
      await untilStopped(sleep(PROGRESS_MS, undefined, { signal: pause.signal }), signal);
      pause.abort();
      if (!signal.aborted) yield this.#tally.progress(this.#total);
    }
    yield this.#tally.progress(this.#total);
    await this.#done;
  }

  report(): WarmReport {
    return this.#tally.report();
  }

  async #run(plan: Settings, { engine, spaces, trail }: Pick<Job, "engine" | "spaces" | "trail">): Promise<WarmReport> {
    const stop = new AbortController();
    // As many wait for it as there are slots.
    setMaxListeners(0, stop.signal);
    const end = (): void => stop.abort();
    if (plan.signal?.aborted === true) end();
    plan.signal?.addEventListener("abort", end);
    const tally = this.#tally;
    const pace = createPace(plan.maxLoadsPerSecond, engine.clock);
    const slots = createSlots(plan.concurrency);
    const job: Job = { engine, spaces, plan, pace, slots, tally, trail, stop: stop.signal, breathe: createBreath() };
    const line = { reader: readerOf(plan.tenants, stop.signal), turn: createSlots(1), seek: plan.resume };
    try {
      await runJob(job, line);
      tally.isAborted = stop.signal.aborted;
      tally.isComplete = !tally.isAborted;
    } finally {
      plan.signal?.removeEventListener("abort", end);
      tally.end();
      this.#ended.abort();
    }
    return tally.report();
  }
}

function createBreath(): () => Promise<void> {
  let count = 0;
  return async () => {
    count++;
    if (count % BREATH === 0) await new Promise((resolve) => setImmediate(resolve));
  };
}
