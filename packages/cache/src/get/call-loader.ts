import { type Duration, tenancy } from "@scale/core";
import { inRootContext, parseDuration, startThenable } from "@scale/core/kit";
import type { CacheContext } from "../coherence/context.js";
import { ageOf } from "../coherence/l1-entry.js";
import type { LoadContext } from "../definition/definition.js";
import type { Flight } from "./flight.js";

/** The return value of `notModified`. */
const unchanged = Symbol("not modified");

/**
 * Calls the loader in the context of the tenant, within the hard timeout. Rejects with the error of the loader.
 * @returns `ttlMs` is the ttl that the loader set for this value
 */
export async function callLoader(
  { clock }: CacheContext,
  flight: Flight,
): Promise<{ readonly value: unknown; readonly ttlMs: number | undefined; readonly loadMs: number }> {
  const { definition, params, batch, tenant } = flight.request;
  const { tenantId } = tenant;
  const old = flight.staleCandidate?.entry;
  const startedAt = clock.monotonic();
  const call = new LoadCall(tenantId, old && { value: old.value, ageMs: ageOf(old, startedAt) });
  // A loader may return the query builder of its database client.
  const load = (): unknown => startThenable(batch === undefined ? definition.load(params, call) : batch.load(params));
  try {
    const work = inTenant(tenantId, load);
    const value = isThenable(work) ? await definition.deadline(work, definition.loaderName) : work;
    const loadMs = clock.monotonic() - startedAt;
    const { ttlMs } = call;
    if (value !== unchanged) return { value, ttlMs, loadMs };
    if (old === undefined) throw new TypeError(`cache ${definition.name}: notModified() without an old value`);
    return { value: old.value, ttlMs, loadMs };
  } catch (error) {
    call.abort(error);
    throw error;
  }
}

/**
 * The context of one load. A class, because one is created for each load, and an object with a getter costs many times as
 * much. `ttl` and `notModified` also work when they are destructured.
 */
class LoadCall implements LoadContext<unknown> {
  readonly tenantId: string;
  readonly old: LoadContext<unknown>["old"];
  ttlMs: number | undefined = undefined;
  #controller: AbortController | undefined = undefined;
  #ended: { readonly reason: unknown } | undefined = undefined;

  constructor(tenantId: string, old: LoadContext<unknown>["old"]) {
    this.tenantId = tenantId;
    this.old = old;
  }

  readonly ttl = (ttl: Duration): void => {
    this.ttlMs = parseDuration(ttl);
  };

  /** Created on first use: most loaders do not read it, and it costs more than the rest of starting a load. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#ended !== undefined) this.#controller.abort(this.#ended.reason);
    return this.#controller.signal;
  }

  /** Has an effect only if the loader returns its result. */
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

/** Runs a load for its tenant. Other callers share it: the context of the one that happens to start it must not leak in. */
export function inTenant<T>(tenantId: string, work: () => T): T {
  return inRootContext(() => (tenantId === "" ? work() : tenancy.run({ tenantId }, work)));
}
