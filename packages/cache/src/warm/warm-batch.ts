import type { ParsedDefinition } from "../definition/definition.js";
import type { CacheContext } from "../coherence/context.js";
import { createLoadBatch } from "../get/batch-load.js";
import { servableL1Entry } from "../coherence/l1-entry.js";
import { Flight, type LoadRequest } from "../get/flight.js";
import { getOrJoin } from "../get/single-flight.js";
import { storeKeyOf } from "../coherence/entry-ref.js";
import type { TenantState } from "../coherence/tenant-state.js";

/** Values of one tenant and one definition that are to be there, without anybody asking for them. */
export interface Batch {
  readonly space: TenantState;
  readonly spec: ParsedDefinition;
  readonly params: readonly unknown[];
  readonly memory: "cold" | "skip";
}

export type Warmed =
  | { readonly is: "fresh" | "loaded" }
  | { readonly is: "failed"; readonly key: string | undefined; readonly error: unknown };

/**
 * Looks for each in memory, which counts as no use of it, and in the store, and loads what is missing: alone, or with one
 * `loadMany`. Resolves when the store has taken what was loaded. Never rejects.
 */
export async function warmValues(engine: CacheContext, batch: Batch): Promise<Warmed[]> {
  const { space: tenant, spec: definition, memory } = batch;
  const errands: LoadRequest[] = [];
  const warmed: Warmed[] = [];
  for (const params of batch.params) {
    try {
      const key = definition.keyOf(params);
      const errand: LoadRequest = {
        tenant,
        definition,
        params,
        key,
        storeKey: storeKeyOf(definition, key),
        prefetch: memory,
      };
      if (isFresh(engine, errand)) warmed.push({ is: "fresh" });
      else errands.push(errand);
    } catch (error) {
      warmed.push({ is: "failed", key: undefined, error });
    }
  }
  const { tenantId } = tenant;
  const together =
    definition.loadMany === undefined
      ? undefined
      : createLoadBatch(engine, definition, { tenantId, count: errands.length });
  return [...warmed, ...(await Promise.all(errands.map((errand) => warm(engine, { ...errand, batch: together?.() }))))];
}

function isFresh(engine: CacheContext, errand: LoadRequest): boolean {
  const entry = servableL1Entry(engine, errand);
  return entry !== undefined && entry.freshUntil > engine.clock.monotonic();
}

async function warm(context: CacheContext, request: LoadRequest): Promise<Warmed> {
  const { key } = request;
  try {
    const flight = await getOrJoin(context, request);
    await flight.done;
    // Its callers have a value, but a load may still run after a stale one, and the store may not have the value yet.
    if (Flight.of(request) === flight || flight.load === "running") await flight.finished();
    if (flight.request !== request || flight.load === "none") return { is: "fresh" };
    return flight.load === "failed" ? { is: "failed", key, error: flight.loadError } : { is: "loaded" };
  } catch (error) {
    return { is: "failed", key, error };
  }
}
