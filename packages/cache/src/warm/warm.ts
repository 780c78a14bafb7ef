import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "@scale/core";
import type { CacheContext } from "../coherence/context.js";
import type { TenantStates } from "../coherence/tenant-state.js";
import { untilAborted } from "./async-source.js";
import { CheckpointTracker } from "./checkpoint.js";
import { type ParsedWarmOptions, parseWarmOptions } from "./options.js";
import { Progress } from "./progress.js";
import { runTenants } from "./run-tenants.js";
import { Semaphore } from "./semaphore.js";
import { createTokenBucket } from "./token-bucket.js";
import type { WarmOptions, WarmProgress, WarmReport, WarmRun } from "./types.js";

const PROGRESS_MS = 250;
/** Batches and tenants after which a run yields to the event loop. */
const YIELD_EVERY = 16;

/** Starts a run. @throws {ConfigError} for invalid options, {InputError} for an invalid `resume` */
export function startWarm(cache: CacheContext, states: TenantStates, options: WarmOptions): WarmRun {
  const parsed = parseWarmOptions(options);
  if (parsed.memory === "skip" && cache.store === undefined) {
    throw new ConfigError('cache.warm: memory: "skip" needs a store, without one it would keep nothing');
  }
  return new Run(cache, states, parsed);
}

class Run implements WarmRun {
  readonly #options: ParsedWarmOptions;
  readonly #checkpoint: CheckpointTracker;
  readonly #progress: Progress;
  readonly #ended = new AbortController();
  readonly #done: Promise<WarmReport>;

  constructor(cache: CacheContext, states: TenantStates, options: ParsedWarmOptions) {
    this.#options = options;
    this.#checkpoint = new CheckpointTracker(options.resume);
    this.#progress = new Progress(this.#checkpoint, cache.clock);
    this.#done = this.#run(cache, states);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a run is there to be awaited
  then<A = WarmReport, B = never>(
    onReport?: ((report: WarmReport) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.#done.then(onReport, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WarmProgress, void, undefined> {
    const { signal } = this.#ended;
    // The reader of the progress gets the error below.
    this.#done.catch(() => undefined);
    while (!signal.aborted) {
      const pause = new AbortController();
      await untilAborted(sleep(PROGRESS_MS, undefined, { signal: pause.signal }), signal);
      pause.abort();
      if (!signal.aborted) yield this.#progress.snapshot(this.#options.total);
    }
    yield this.#progress.snapshot(this.#options.total);
    await this.#done;
  }

  report(): WarmReport {
    return this.#progress.report();
  }

  async #run(cache: CacheContext, states: TenantStates): Promise<WarmReport> {
    const options = this.#options;
    const stop = new AbortController();
    // Each permit of the semaphore may add a listener.
    setMaxListeners(0, stop.signal);
    const onAbort = (): void => stop.abort();
    if (options.signal?.aborted === true) onAbort();
    options.signal?.addEventListener("abort", onAbort);
    const progress = this.#progress;
    try {
      await runTenants({
        ...{ cache, states, options, progress },
        checkpoint: this.#checkpoint,
        bucket: createTokenBucket(options.maxLoadsPerSecond, cache.clock),
        semaphore: new Semaphore(options.concurrency),
        signal: stop.signal,
        yieldToEventLoop: createYield(),
      });
      progress.isAborted = stop.signal.aborted;
      progress.isComplete = !progress.isAborted;
    } finally {
      options.signal?.removeEventListener("abort", onAbort);
      progress.end();
      this.#ended.abort();
    }
    return progress.report();
  }
}

function createYield(): () => Promise<void> {
  let count = 0;
  return async () => {
    count++;
    if (count % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
  };
}
