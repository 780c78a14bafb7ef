import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { type AsyncSource, asyncSource } from "./async-source.js";
import type { Checkpoint } from "./checkpoint.js";
import { Semaphore } from "./semaphore.js";
import { TenantRun, type WarmRunContext } from "./tenant-run.js";

/**
 * Warms all tenants. As many run at the same time as batches may be in progress, because each has at least one.
 * @throws the error of the iterable of tenants, after all tenants that were read before it
 */
export async function runTenants(context: WarmRunContext): Promise<void> {
  const { options, progress, checkpoint } = context;
  const source = new TenantSource(context);
  const work = async (): Promise<void> => {
    for (let tenant = await source.next(); tenant !== undefined; tenant = await source.next()) {
      if (!(await tenant.run())) return;
      progress.done++;
      checkpoint.finish(tenant);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
  source.end();
}

/** Reads the tenants one after the other, for all workers, and skips those that an earlier run has finished. */
class TenantSource {
  readonly #context: WarmRunContext;
  readonly #source: AsyncSource<string>;
  readonly #turn = new Semaphore(1);
  /** Where the run resumes, until that tenant was read. */
  #resume: Checkpoint | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(context: WarmRunContext) {
    const { options, signal } = context;
    this.#context = context;
    this.#source = asyncSource(options.tenants, signal);
    this.#resume = options.resume;
  }

  /** @returns `undefined` if there is none, the run was aborted, or reading has failed */
  async next(): Promise<TenantRun | undefined> {
    await this.#turn.acquire();
    try {
      await this.#context.checkpoint.capacity();
      return await this.#next();
    } catch (error) {
      this.#failure = { error };
      return undefined;
    } finally {
      this.#turn.release();
    }
  }

  /** @throws the error of the iterable */
  end(): void {
    if (this.#context.signal.aborted) this.#source.close();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #next(): Promise<TenantRun | undefined> {
    const { options, progress, checkpoint } = this.#context;
    while (this.#failure === undefined) {
      await this.#context.yieldToEventLoop();
      const { items, end } = await this.#source.read(1);
      const [tenantId] = items;
      if (tenantId === undefined) {
        if (end === "done") refuseUnknown(this.#resume);
        return undefined;
      }
      const skip = this.#finishedEntriesOf(tenantId);
      if (skip < options.targets.length) {
        const tenant = new TenantRun(this.#context, tenantId, skip);
        checkpoint.start(tenant);
        return tenant;
      }
      progress.done++;
      progress.skipped++;
    }
    return undefined;
  }

  /** The number of entries that an earlier run has finished. */
  #finishedEntriesOf(tenantId: string): number {
    const resume = this.#resume;
    if (resume === undefined) return 0;
    if (resume.tenantId !== tenantId) return this.#context.options.targets.length;
    this.#resume = undefined;
    return resume.entries;
  }
}

function refuseUnknown(resume: Checkpoint | undefined): void {
  if (resume === undefined) return;
  throw new InputError(`cache.warm: resume: expected tenant ${describeValue(resume.tenantId)} among the tenants`);
}
