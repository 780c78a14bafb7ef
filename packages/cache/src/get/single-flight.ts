import { MAX_TIMER_MS } from "@scale/core/kit";
import type { CacheContext } from "../coherence/context.js";
import { addressOf, publishStoreFailure } from "../coherence/entry-ref.js";
import { servableL1Entry } from "../coherence/l1-entry.js";
import type { Entry } from "../memory/types.js";
import type { CacheStore, ReadListener, ReadResult } from "../store.js";
import { Flight, type LoadRequest } from "./flight.js";
import { loadAndFill } from "./load-and-fill.js";
import { isBackingOff, serveStale } from "./serve-stale.js";
import { acceptFresh, claimForRefresh, lookUpStore } from "./store-lookup.js";

/** Returns the flight under way for the entry (single-flight), or starts one. */
export function getOrJoin(context: CacheContext, request: LoadRequest): Flight | Promise<Flight> {
  const current = Flight.of(request);
  if (current?.isCurrent !== true) return startFlight(context, request, "read");
  request.batch?.withdraw();
  if (request.prefetch === undefined) current.hasReader = true;
  if (!current.isWritingBack) return current;
  // The load is over, and the store is about to accept or refuse the value. A caller that comes now must not get a refused one.
  const { tenant } = request;
  tenant.pendingCalls++;
  return current.finished().then(() => {
    tenant.pendingCalls--;
    return getOrJoin(context, request);
  });
}

/** Loads a value again while it is fresh, unless a flight for it is under way. */
export function refreshAhead(context: CacheContext, request: LoadRequest): void {
  if (Flight.of(request) !== undefined) return;
  // No caller waits for it; a failure is published.
  startFlight(context, request, "refresh").done.catch(() => undefined);
}

/** @param mode `read` serves any fresh value, `refresh` replaces a fresh one */
function startFlight(context: CacheContext, request: LoadRequest, mode: "read" | "refresh"): Flight {
  const flight = new Flight(context, request);
  const { store, retryQueue } = context;
  const l1Entry = servableL1Entry(context, request);
  const isDirect = mode === "read" && l1Entry === undefined && retryQueue?.has(request.tenant.tenantId) !== true;
  if (store !== undefined && isDirect) readDirectly(context, store, flight);
  else finishAfter(flight, resolveFlight(context, flight, { mode, l1Entry }));
  return flight;
}

function readDirectly(context: CacheContext, store: CacheStore, flight: Flight): void {
  const read = new DirectRead(context, flight);
  const address = addressOf(flight.request);
  try {
    if (store.read.to !== undefined) return store.read.to(address, read);
    store.read(address).then(
      (found) => read.found(found),
      (error: unknown) => read.failed(error),
    );
  } catch (error) {
    // A store of another author may throw where the contract says that it rejects.
    read.failed(error);
  }
}

/**
 * The first read of the store, which settles the two usual cases, a fresh value and a missing one, without the promises of
 * `resolveFlight`. A class, because one is created for each read.
 */
class DirectRead implements ReadListener {
  readonly #context: CacheContext;
  readonly #flight: Flight;

  constructor(context: CacheContext, flight: Flight) {
    this.#context = context;
    this.#flight = flight;
  }

  found(first: ReadResult): void {
    const flight = this.#flight;
    try {
      const result = acceptFresh(this.#context, flight, first);
      if (result === undefined) return this.#loadOrLookUp(first);
      flight.finish();
      flight.resolve(result);
    } catch (error) {
      flight.finish();
      flight.reject(error);
    }
    flight.request.batch?.withdraw();
  }

  failed(error: unknown): void {
    const [context, flight] = [this.#context, this.#flight];
    publishStoreFailure(flight.request, "read", error);
    finishAfter(flight, loadAndFill(context, flight, undefined));
  }

  #loadOrLookUp(first: ReadResult): void {
    const [context, flight] = [this.#context, this.#flight];
    const isMissing = first.is === "leased" && first.old === undefined;
    if (isMissing) finishAfter(flight, loadAndFill(context, flight, first.token));
    else finishAfter(flight, resolveFlight(context, flight, { mode: "read", first }));
  }
}

/** Finishes the flight when the work ends, so that no caller waits for ever, even if the work throws. */
function finishAfter(flight: Flight, work: Promise<void>): void {
  work.then(
    () => flight.finish(),
    (error: unknown) => {
      flight.finish();
      flight.reject(error);
    },
  );
}

/**
 * Resolves the flight from L1, the store or the loader.
 * @param start `l1Entry` is a servable entry, fresh or stale; `first` a first read that `DirectRead` could not accept
 */
async function resolveFlight(
  context: CacheContext,
  flight: Flight,
  start: { readonly mode: "read" | "refresh"; readonly l1Entry?: Entry | undefined; readonly first?: ReadResult },
): Promise<void> {
  const { mode, l1Entry, first } = start;
  const { batch, definition, prefetch } = flight.request;
  if (l1Entry !== undefined) {
    flight.staleCandidate = { entry: l1Entry, source: "memory" };
    const now = context.clock.monotonic();
    // Fresh: another call has stored it in L1 since this caller looked.
    const needsNoLoad = mode === "read" && (l1Entry.freshUntil > now || isBackingOff(l1Entry, now));
    let isServed = serveStale(context, flight, { reason: "refreshing" });
    if (needsNoLoad && !isServed) isServed = serveStale(context, flight, { reason: "load-failed" });
    if (needsNoLoad && isServed) {
      flight.finish();
      return batch?.withdraw();
    }
  }
  const onSoftTimeout = (): boolean => serveStale(context, flight, { reason: "slow" });
  // A prefetch has no reader that a stale value could be served to.
  const isTimed = definition.softMs !== undefined && prefetch === undefined;
  const softTimeout = isTimed ? setTimeout(onSoftTimeout, Math.min(definition.softMs, MAX_TIMER_MS)) : undefined;
  try {
    let lookup = await (mode === "refresh" ? claimForRefresh(context, flight) : lookUpStore(context, flight, first));
    // A reader has joined a refresh that another process has the lease for.
    if (lookup.is === "done" && !flight.isSettled) lookup = await lookUpStore(context, flight);
    if (lookup.is === "found") {
      flight.finish();
      flight.resolve(lookup.result);
    }
    if (lookup.is === "load") await loadAndFill(context, flight, lookup.token);
  } finally {
    // Whatever the result, the batch must not wait for this request.
    batch?.withdraw();
    clearTimeout(softTimeout);
  }
}
