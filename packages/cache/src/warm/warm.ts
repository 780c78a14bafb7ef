import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "@scale/core";
import type { CacheContext } from "../coherence/context.js";
import type { TenantStates } from "../coherence/tenant-state.js";
import { untilAborted } from "./async-source.js";
import { CheckpointTracker } from "./checkpoint.js";
import { parseWarmOptions } from "./options.js";
import { Progress } from "./progress.js";
import { runTenants } from "./run-tenants.js";
import { Semaphore } from "./semaphore.js";
import { createTokenBucket } from "./token-bucket.js";
import type { WarmRunContext } from "./tenant-run.js";
import type { WarmOptions, WarmReport, WarmRun } from "./types.js";

const PROGRESS_MS = 250;
/** Batches and tenants after which a run yields to the event loop. */
const YIELD_EVERY = 16;

/** Starts a run. @throws {ConfigError} for invalid options, {InputError} for an invalid `resume` */
export function startWarm(cache: CacheContext, states: TenantStates, options: WarmOptions): WarmRun {
  const parsed = parseWarmOptions(options);
  if (parsed.memory === "skip" && cache.store === undefined) {
    throw new ConfigError('cache.warm: memory: "skip" needs a store, without one it would keep nothing');
  }
  const checkpoint = new CheckpointTracker(parsed.resume);
  const progress = new Progress(checkpoint, cache.clock, parsed.total);
  const ended = new AbortController();
  const done = run({ cache, states, options: parsed, progress, checkpoint }).finally(() => ended.abort());
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- a run is there to be awaited
    then: (onReport, onError) => done.then(onReport, onError),
    async *[Symbol.asyncIterator]() {
      // The reader of the progress gets the error below.
      done.catch(() => undefined);
      while (!ended.signal.aborted) {
        const pause = new AbortController();
        await untilAborted(sleep(PROGRESS_MS, undefined, { signal: pause.signal }), ended.signal);
        pause.abort();
        if (!ended.signal.aborted) yield progress.snapshot();
      }
      yield progress.snapshot();
      await done;
    },
    report: () => progress.report(),
  };
}

async function run(
  context: Pick<WarmRunContext, "cache" | "states" | "options" | "progress" | "checkpoint">,
): Promise<WarmReport> {
  const { cache, options, progress } = context;
  const stop = new AbortController();
  // Each permit of the semaphore may add a listener.
  setMaxListeners(0, stop.signal);
  const onAbort = (): void => stop.abort();
  if (options.signal?.aborted === true) onAbort();
  options.signal?.addEventListener("abort", onAbort);
  try {
    await runTenants({
      ...context,
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
  }
  return progress.report();
}

function createYield(): () => Promise<void> {
  let count = 0;
  return async () => {
    count++;
    if (count % YIELD_EVERY === 0) await new Promise((resolve) => setImmediate(resolve));
  };
}
