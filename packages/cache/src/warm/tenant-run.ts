import { parseTenantId } from "@scale/core/kit";
import { inTenant } from "../get/call-loader.js";
import type { Job } from "./run-tenants.js";
import type { Kind } from "./options.js";
import { type Read, type Reader, readerOf, untilStopped } from "./async-source.js";
import type { Stand } from "./checkpoint.js";
import { createSlots, type Slots } from "./semaphore.js";
import { type Warmed, warmValues } from "./warm-batch.js";

/** Params that one `loadMany` gets, at most. */
const MAX_BATCH = 100;

const STOPPED: Read<unknown> = { items: [], end: "stopped" };

interface Step {
  /** Batches that are not finished. */
  pending: number;
  /** Whether the source is over. */
  isRead: boolean;
}

/** Warms one tenant: its entries in order, and so many batches of them at a time. */
export class Visit implements Stand {
  readonly tenantId: string;
  isDone = false;
  readonly #job: Job;
  readonly #steps: Step[];
  readonly #lanes: Slots;
  readonly #running = new Set<Promise<void>>();

  /** @param skip entries that are finished already */
  constructor(job: Job, tenantId: string, skip: number) {
    this.tenantId = tenantId;
    this.#job = job;
    this.#steps = job.plan.kinds.map((_, i) => ({ pending: 0, isRead: i < skip }));
    this.#lanes = createSlots(job.plan.perTenantConcurrency);
  }

  entries(): number {
    const open = this.#steps.findIndex(({ pending, isRead }) => pending > 0 || !isRead);
    return open < 0 ? this.#steps.length : open;
  }

  /** @returns whether nothing was left out. Never rejects. */
  async run(): Promise<boolean> {
    const { plan, tally, stop, spaces } = this.#job;
    const { tenantId } = this;
    const isKnown = spaces.has(tenantId);
    try {
      parseTenantId(tenantId);
    } catch (error) {
      tally.fail({ tenantId, name: undefined, key: undefined, error });
      for (const step of this.#steps) step.isRead = true;
      return true;
    }
    for (const [i, kind] of plan.kinds.entries()) {
      const step = this.#steps[i];
      if (step === undefined || step.isRead) continue;
      if (stop.aborted) break;
      await this.#warmKind(kind, step);
    }
    await Promise.all(this.#running);
    // Or the tenants that are served would be forgotten for those that are only warmed.
    if (!isKnown) spaces.forgetIfUnused(tenantId);
    return this.entries() === this.#steps.length;
  }

  async #warmKind(kind: Kind, step: Step): Promise<void> {
    const { pace } = this.#job;
    const most = kind.spec.loadMany === undefined ? 1 : Math.min(MAX_BATCH, pace.most);
    let reader: Reader<unknown> | undefined;
    for (let isOpen = true; isOpen; ) {
      await this.#enter();
      // What a source asks the database for counts as one that is under way, too.
      const { items, end } = await this.#inTenant(async () => {
        reader ??= await this.#open(kind);
        return reader?.read(most) ?? STOPPED;
      }).catch((error: unknown): Read<unknown> => {
        this.#fail(kind, { key: undefined, error });
        return { items: [], end: "over" };
      });
      isOpen = end === "more";
      if (items.length > 0) this.#start(kind, step, items);
      else this.#leave();
      step.isRead = end === "over";
      await this.#job.breathe();
    }
    if (!step.isRead) reader?.close();
  }

  /** @returns `undefined` when it was stopped first */
  async #open({ paramsOf }: Kind): Promise<Reader<unknown> | undefined> {
    const { stop } = this.#job;
    const items = await untilStopped(Promise.resolve(paramsOf(this.tenantId)), stop);
    return items === undefined ? undefined : readerOf(items, stop);
  }

  #start(kind: Kind, step: Step, params: readonly unknown[]): void {
    step.pending++;
    const work = this.#warm(kind, params).then((isWarmed) => {
      if (isWarmed) step.pending--;
      this.#leave();
      this.#running.delete(work);
    });
    this.#running.add(work);
  }

  /** @returns false when it was stopped before it began */
  async #warm(kind: Kind, params: readonly unknown[]): Promise<boolean> {
    const { engine, spaces, pace, plan, stop } = this.#job;
    await pace.take(params.length, stop);
    if (stop.aborted) {
      pace.giveBack(params.length);
      return false;
    }
    const space = spaces.of(this.tenantId);
    const warmed = await warmValues(engine, { space, spec: kind.spec, params, memory: plan.memory });
    pace.giveBack(warmed.filter(isWithoutLoad).length);
    for (const each of warmed) this.#count(kind, each);
    return true;
  }

  #count(kind: Kind, warmed: Warmed): void {
    const { tally } = this.#job;
    if (warmed.is === "failed") this.#fail(kind, warmed);
    else tally[warmed.is]++;
  }

  #fail({ spec }: Kind, { key, error }: { key: string | undefined; error: unknown }): void {
    this.#job.tally.fail({ tenantId: this.tenantId, name: spec.name, key, error });
  }

  #inTenant<T>(work: () => Promise<T>): Promise<T> {
    return this.#job.engine.loadScope.runInAsyncScope(inTenant<Promise<T>>, undefined, this.tenantId, work);
  }

  async #enter(): Promise<void> {
    await this.#lanes.take();
    await this.#job.slots.take();
  }

  #leave(): void {
    this.#job.slots.give();
    this.#lanes.give();
  }
}

const isWithoutLoad = (warmed: Warmed): boolean =>
  warmed.is === "fresh" || (warmed.is === "failed" && warmed.key === undefined);
