import { type Duration, tenancy } from "@scale/core";
import { parseDuration } from "@scale/core/kit";
import type { LoadContext } from "../definition/definition.js";
import type { Engine } from "../coherence/context.js";
import type { Errand, Flight } from "./flight.js";
import { ageOf } from "../coherence/l1-entry.js";

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
  const { tenantId } = errand.space;
  const { old } = flight;
  const startedAt = engine.clock.monotonic();
  const call = new Call(tenantId, old && { value: old.entry.value, ageMs: ageOf(old.entry, startedAt) });
  const load = (): unknown => (loadTogether === undefined ? spec.load(params, call) : loadTogether.load(params));
  try {
    const work = engine.context.runInAsyncScope(inTenant, undefined, tenantId, load);
    const value = isThenable(work) ? await spec.deadline(work, spec.loaderName) : work;
    const loadMs = engine.clock.monotonic() - startedAt;
    const { ownTtlMs } = call;
    if (value !== unchanged) return { value, ownTtlMs, loadMs };
    if (old === undefined) throw new TypeError(`cache ${spec.name}: notModified() without an old value`);
    return { value: old.entry.value, ownTtlMs, loadMs };
  } catch (error) {
    call.abort(error);
    throw error;
  }
}

/**
 * What one load is told, and says. A class, because one is made for each, and an object with a getter costs many times as
 * much. Its functions may be taken out of it.
 */
class Call implements LoadContext<unknown> {
  readonly tenantId: string;
  readonly old: LoadContext<unknown>["old"];
  ownTtlMs: number | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #ended: { readonly reason: unknown } | undefined = undefined;

  constructor(tenantId: string, old: LoadContext<unknown>["old"]) {
    this.tenantId = tenantId;
    this.old = old;
  }

  readonly ttl = (ttl: Duration): void => {
    this.ownTtlMs = parseDuration(ttl);
  };

  /** Most loaders do not look at it, and to make one takes longer than the rest of a load's beginning. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    return this.#controller.signal;
  }

  /** A value that only the loader's own return carries. */
  notModified(): unknown {
    return unchanged;
  }

  abort(reason: unknown): void {
    this.#ended = { reason };
    this.#controller?.abort(reason);
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

export function inTenant<T>(tenantId: string, work: () => T): T {
  return tenantId === "" ? work() : tenancy.run({ tenantId }, work);
}
