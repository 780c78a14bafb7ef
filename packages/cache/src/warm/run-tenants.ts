import { InputError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { type AsyncSource, asyncSource, untilAborted } from "./async-source.js";
import { TenantRun, type WarmRunContext } from "./tenant-run.js";

/**
 * Warms all tenants. As many run at the same time as batches may be in progress, because each has at least one.
 * @throws the error of the iterable of tenants, after all tenants that were read before it
 */
export async function runTenants(context: WarmRunContext): Promise<void> {
  const { options, progress, checkpoint, signal } = context;
  const source = asyncSource(options.tenants, signal);
  // Shared by all workers: a generator answers the calls of `next` one after the other.
  const tenants = readTenants(context, source);
  const work = async (): Promise<void> => {
    for (let next = await tenants.next(); next.done !== true; next = await tenants.next()) {
      if (!(await next.value.run())) return;
      progress.done++;
      checkpoint.finish(next.value);
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: options.concurrency }, work));
  if (signal.aborted) source.close();
  // Only the worker that met the error of the iterable fails.
  for (const worker of ended) if (worker.status === "rejected") throw worker.reason;
}

/** Reads the tenants, and skips those that an earlier run has finished. */
async function* readTenants(
  context: WarmRunContext,
  source: AsyncSource<string>,
): AsyncGenerator<TenantRun, void, undefined> {
  const { options, progress, checkpoint, signal } = context;
  /** Where the run resumes, until that tenant was read. */
  let { resume } = options;
  for (;;) {
    await untilAborted(checkpoint.capacity(), signal);
    await context.yieldToEventLoop();
    const { items, end } = await source.read(1);
    const [tenantId] = items;
    if (tenantId === undefined) {
      if (end !== "done" || resume === undefined) return;
      throw new InputError(`cache.warm: resume: expected tenant ${describeValue(resume.tenantId)} among the tenants`);
    }
    // All entries of the tenants before the one at which the run resumes are finished.
    const isBefore = resume !== undefined && resume.tenantId !== tenantId;
    const finishedEntries = isBefore ? options.entries.length : (resume?.entries ?? 0);
    if (!isBefore) resume = undefined;
    if (finishedEntries >= options.entries.length) {
      progress.done++;
      progress.skipped++;
      continue;
    }
    const tenant = new TenantRun(context, tenantId, finishedEntries);
    checkpoint.start(tenant);
    yield tenant;
  }
}
