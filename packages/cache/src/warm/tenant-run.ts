import { parseTenantId } from "@scale/core/kit";
import type { CacheContext } from "../coherence/context.js";
import type { TenantStates } from "../coherence/tenant-state.js";
import { type ParsedDefinition, parsedOf } from "../definition/definition.js";
import { inTenant } from "../get/call-loader.js";
import { type AsyncSource, asyncSource, untilAborted } from "./async-source.js";
import type { CheckpointTracker, TenantProgress } from "./checkpoint.js";
import type { ParsedWarmOptions } from "./options.js";
import type { Progress } from "./progress.js";
import { Semaphore } from "./semaphore.js";
import type { createTokenBucket } from "./token-bucket.js";
import type { WarmEntry } from "./types.js";
import { warmBatch, type WarmResult } from "./warm-batch.js";

/** The state that all tenants of a run share. */
export interface WarmRunContext {
  readonly cache: CacheContext;
  readonly states: TenantStates;
  readonly options: ParsedWarmOptions;
  readonly bucket: ReturnType<typeof createTokenBucket>;
  /** Limits the batches of all tenants. */
  readonly semaphore: Semaphore;
  readonly progress: Progress;
  readonly checkpoint: CheckpointTracker;
  readonly signal: AbortSignal;
  /** Lets other work run from time to time. Warming values that are in memory waits for nothing else. */
  yieldToEventLoop(): Promise<void>;
}

/** Params that one `loadMany` gets at most. */
const MAX_BATCH = 100;

interface EntryProgress {
  readonly definition: ParsedDefinition;
  readonly paramsOf: WarmEntry<unknown>[1];
  /** Number of unfinished batches. */
  pending: number;
  /** True once all params of the source were read. */
  isRead: boolean;
}

/** Warms one tenant: its entries in order, and several batches of an entry at the same time. */
export class TenantRun implements TenantProgress {
  readonly tenantId: string;
  isDone = false;
  readonly #context: WarmRunContext;
  readonly #entries: readonly EntryProgress[];
  readonly #perTenantSemaphore: Semaphore;
  readonly #batches = new Set<Promise<void>>();

  /** @param skip number of entries that an earlier run has finished */
  constructor(context: WarmRunContext, tenantId: string, skip: number) {
    this.tenantId = tenantId;
    this.#context = context;
    this.#entries = context.options.entries.map(([definition, paramsOf], i) => ({
      ...{ definition: definition[parsedOf], paramsOf, pending: 0, isRead: i < skip },
    }));
    this.#perTenantSemaphore = new Semaphore(context.options.perTenantConcurrency);
  }

  finishedEntries(): number {
    const unfinished = this.#entries.findIndex(({ pending, isRead }) => pending > 0 || !isRead);
    return unfinished < 0 ? this.#entries.length : unfinished;
  }

  /** @returns true if all entries are finished. Never rejects. */
  async run(): Promise<boolean> {
    const { progress, signal, states } = this.#context;
    const { tenantId } = this;
    try {
      parseTenantId(tenantId);
    } catch (error) {
      progress.fail({ tenantId, name: undefined, key: undefined, error });
      for (const entry of this.#entries) entry.isRead = true;
      return true;
    }
    const wasKnown = states.has(tenantId);
    for (const entry of this.#entries) {
      if (signal.aborted) break;
      if (!entry.isRead) await this.#warmEntry(entry);
    }
    await Promise.all(this.#batches);
    // Otherwise tenants that are only warmed would push out the states of tenants that are read.
    if (!wasKnown) states.forgetIfUnused(tenantId);
    return this.finishedEntries() === this.#entries.length;
  }

  async #warmEntry(entry: EntryProgress): Promise<void> {
    const { bucket } = this.#context;
    const max = entry.definition.loadMany === undefined ? 1 : Math.min(MAX_BATCH, bucket.capacity);
    let source: AsyncSource<unknown> | undefined;
    for (let isOpen = true; isOpen; ) {
      await this.#acquire();
      // The source may query the database, so reading it takes a permit too.
      const { items, end } = await inTenant(this.tenantId, async () => {
        source ??= await this.#open(entry);
        return source?.read(max) ?? { items: [], end: "aborted" };
      }).catch((error: unknown): Awaited<ReturnType<AsyncSource<unknown>["read"]>> => {
        this.#fail(entry, { key: undefined, error });
        return { items: [], end: "done" };
      });
      isOpen = end === "more";
      if (items.length > 0) this.#startBatch(entry, items);
      else this.#release();
      entry.isRead = end === "done";
      await this.#context.yieldToEventLoop();
    }
    if (!entry.isRead) source?.close();
  }

  /** @returns `undefined` if the run is aborted first */
  async #open({ paramsOf }: EntryProgress): Promise<AsyncSource<unknown> | undefined> {
    const { signal } = this.#context;
    const items = await untilAborted(Promise.resolve(paramsOf(this.tenantId)), signal);
    return items === undefined ? undefined : asyncSource(items, signal);
  }

  #startBatch(entry: EntryProgress, params: readonly unknown[]): void {
    entry.pending++;
    const batch = this.#warmBatch(entry, params).then((isWarmed) => {
      if (isWarmed) entry.pending--;
      this.#release();
      this.#batches.delete(batch);
    });
    this.#batches.add(batch);
  }

  /** @returns false if the run was aborted before the batch began */
  async #warmBatch(entry: EntryProgress, params: readonly unknown[]): Promise<boolean> {
    const { cache, states, bucket, options, progress, signal } = this.#context;
    await bucket.take(params.length, signal);
    if (signal.aborted) {
      bucket.refund(params.length);
      return false;
    }
    const { definition } = entry;
    const batch = { tenant: states.of(this.tenantId), definition, params, memory: options.memory };
    const results = await warmBatch(cache, batch);
    bucket.refund(results.filter(isWithoutLoad).length);
    for (const result of results) {
      if (result.is === "failed") this.#fail(entry, result);
      else progress[result.is]++;
    }
    return true;
  }

  #fail({ definition }: EntryProgress, { key, error }: { key: string | undefined; error: unknown }): void {
    this.#context.progress.fail({ tenantId: this.tenantId, name: definition.name, key, error });
  }

  async #acquire(): Promise<void> {
    await this.#perTenantSemaphore.acquire();
    await this.#context.semaphore.acquire();
  }

  #release(): void {
    this.#context.semaphore.release();
    this.#perTenantSemaphore.release();
  }
}

const isWithoutLoad = (result: WarmResult): boolean =>
  result.is === "fresh" || (result.is === "failed" && result.key === undefined);
