import type { Spec } from "../definition/definition.js";
import type { Engine } from "../coherence/context.js";
import type { Errand, Together } from "../get/flight.js";
import { createTogether } from "../get/batch-load.js";
import { recall } from "../coherence/l1-entry.js";
import { join } from "../get/single-flight.js";
import { placeKey, type Space } from "../coherence/tenant-state.js";

/** Values of one tenant and one definition that are to be there, without anybody asking for them. */
export interface Batch {
  readonly space: Space;
  readonly spec: Spec;
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
export async function warmValues(engine: Engine, batch: Batch): Promise<Warmed[]> {
  const { space, spec, memory } = batch;
  const errands: Errand[] = [];
  const warmed: Warmed[] = [];
  for (const params of batch.params) {
    try {
      const key = spec.keyOf(params);
      const errand: Errand = { space, spec, params, key, placeKey: placeKey(spec, key), aheadOfTime: memory };
      if (isFresh(engine, errand)) warmed.push({ is: "fresh" });
      else errands.push(errand);
    } catch (error) {
      warmed.push({ is: "failed", key: undefined, error });
    }
  }
  const { tenantId } = space;
  const together =
    spec.loadMany === undefined ? undefined : createTogether(engine, spec, { tenantId, count: errands.length });
  return [...warmed, ...(await Promise.all(errands.map((errand) => warm(engine, errand, together?.()))))];
}

function isFresh(engine: Engine, errand: Errand): boolean {
  const entry = recall(engine, errand);
  return entry !== undefined && entry.freshUntil > engine.clock.monotonic();
}

/** What became of the load of an errand, if it came to one. */
interface Load {
  is: "none" | "running" | "over" | "failed";
  error: unknown;
}

async function warm(engine: Engine, errand: Errand, together: Together | undefined): Promise<Warmed> {
  const { key, spec, space, placeKey } = errand;
  const load: Load = { is: "none", error: undefined };
  const watched = watch(load);
  const own: Errand = {
    ...errand,
    // Nobody waits, so there is nobody to whom an old value would be given because the new one is slow.
    spec: { ...spec, softMs: undefined, load: (params, context) => watched(async () => spec.load(params, context)) },
    loadTogether: together && {
      leave: () => together.leave(),
      load: (params) => watched(() => together.load(params)),
    },
  };
  try {
    const flight = await join(engine, own);
    await flight.done;
    // Its readers have it, and the store perhaps not yet; and behind an old value a load goes on.
    await space.flights.get(placeKey)?.landing();
    if (load.is === "failed") return { is: "failed", key, error: load.error };
    if (load.is === "none") return { is: "fresh" };
    const isLost = flight.outcome?.isStale === true && load.is === "running";
    return isLost ? { is: "failed", key, error: new Error("the load took too long") } : { is: "loaded" };
  } catch (error) {
    return { is: "failed", key, error };
  }
}

function watch(load: Load): <T>(work: () => Promise<T>) => Promise<T> {
  return async (work) => {
    load.is = "running";
    try {
      const value = await work();
      load.is = "over";
      return value;
    } catch (error) {
      load.is = "failed";
      load.error = error;
      throw error;
    }
  };
}
