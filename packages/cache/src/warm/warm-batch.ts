import type { CacheContext } from "../coherence/context.js";
import { storeKeyOf } from "../coherence/entry-ref.js";
import { servableL1Entry } from "../coherence/l1-entry.js";
import { createLoadBatch } from "../get/batch-load.js";
import { Flight, type LoadRequest } from "../get/flight.js";
import { getOrJoin } from "../get/single-flight.js";

export type WarmResult =
  | { readonly is: "fresh" | "loaded" }
  | { readonly is: "failed"; readonly key: string | undefined; readonly error: unknown };

/**
 * Warms values of one tenant and one definition. Looks each up in L1, which does not count as a use of it, and in the store. Loads the missing ones, with one `loadMany`
 * if there is one. Resolves after the store has taken them. Never rejects.
 */
export async function warmBatch(
  context: CacheContext,
  batch: Pick<LoadRequest, "tenant" | "definition"> & { readonly params: readonly unknown[]; memory: "cold" | "skip" },
): Promise<WarmResult[]> {
  const { tenant, definition, memory } = batch;
  const requests: LoadRequest[] = [];
  const results: WarmResult[] = [];
  for (const params of batch.params) {
    try {
      const key = definition.keyOf(params);
      const storeKey = storeKeyOf(definition, key);
      const request: LoadRequest = { tenant, definition, params, key, storeKey, prefetch: memory };
      if (isFresh(context, request)) results.push({ is: "fresh" });
      else requests.push(request);
    } catch (error) {
      results.push({ is: "failed", key: undefined, error });
    }
  }
  if (definition.loadMany === undefined) {
    return [...results, ...(await Promise.all(requests.map((request) => warm(context, request))))];
  }
  const slot = createLoadBatch(definition, { tenantId: tenant.tenantId, count: requests.length });
  return [...results, ...(await Promise.all(requests.map((request) => warm(context, { ...request, batch: slot() }))))];
}

function isFresh(context: CacheContext, request: LoadRequest): boolean {
  const entry = servableL1Entry(context, request);
  return entry !== undefined && entry.freshUntil > context.clock.monotonic();
}

async function warm(context: CacheContext, request: LoadRequest): Promise<WarmResult> {
  const { key } = request;
  try {
    const flight = await getOrJoin(context, request);
    await flight.done;
    // Its callers have a value, but the load may still run after a stale one, and the store may not have the new one yet.
    if (Flight.of(request) === flight || flight.load === "running") await flight.finished();
    if (flight.request !== request || flight.load === "none") return { is: "fresh" };
    return flight.load === "failed" ? { is: "failed", key, error: flight.loadError } : { is: "loaded" };
  } catch (error) {
    return { is: "failed", key, error };
  }
}
