import { type Duration, parseDuration, tenancy } from "@scale/core";
import type { LoadContext } from "./definition.js";
import type { Engine } from "./engine.js";
import type { Errand, Flight } from "./flight.js";
import { ageOf } from "./memory-entry.js";

export interface Loaded {
  readonly value: unknown;
  /** What the loader said of this value. */
  readonly ownTtlMs: number | undefined;
  readonly loadMs: number;
}

/** Not a value: what `notModified` returns. */
const unchanged = Symbol("not modified");

/** Calls the loader, for the tenant, within the hard timeout. Rejects with what the loader rejects with. */
export async function callLoader(engine: Engine, errand: Errand, flight: Flight): Promise<Loaded> {
  const { spec, params, loadTogether } = errand;
  const startedAt = engine.clock.monotonic();
  const abort = lazyAbort();
  const { old } = flight;
  let ownTtlMs: number | undefined;
  const context: LoadContext<unknown> = {
    tenantId: errand.space.tenantId,
    get signal() {
      return abort.signal();
    },
    old: old === undefined ? undefined : { value: old.entry.value, ageMs: ageOf(old.entry, startedAt) },
    // A value that only the loader's own return carries.
    notModified: () => unchanged,
    ttl(ttl: Duration) {
      ownTtlMs = parseDuration(ttl);
    },
  };
  const load = async (): Promise<unknown> =>
    loadTogether === undefined ? spec.load(params, context) : loadTogether.load(params);
  const work = engine.context.runInAsyncScope(inTenant, undefined, errand.space.tenantId, load);
  try {
    const value = await spec.deadline(work, `the loader of cache ${spec.name}`);
    const loadMs = engine.clock.monotonic() - startedAt;
    if (value !== unchanged) return { value, ownTtlMs, loadMs };
    if (old === undefined) throw new TypeError(`cache ${spec.name}: notModified() without an old value`);
    return { value: old.entry.value, ownTtlMs, loadMs };
  } catch (error) {
    abort.abort(error);
    throw error;
  }
}

/** Most loaders do not look at the signal, and to make one takes longer than the rest of a load's beginning. */
function lazyAbort(): { signal(): AbortSignal; abort(reason: unknown): void } {
  let controller: AbortController | undefined;
  let ended: { readonly reason: unknown } | undefined;
  return {
    signal() {
      controller ??= new AbortController();
      if (ended !== undefined) controller.abort(ended.reason);
      return controller.signal;
    },
    abort(reason) {
      ended = { reason };
      controller?.abort(reason);
    },
  };
}

export function inTenant<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
  return tenantId === "" ? work() : tenancy.run({ tenantId }, work);
}
