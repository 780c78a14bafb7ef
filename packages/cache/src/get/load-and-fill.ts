import type { CacheContext } from "../coherence/context.js";
import { publishStoreFailure } from "../coherence/entry-ref.js";
import { createL1Entry } from "../coherence/l1-entry.js";
import { type Excess, excessOf } from "../definition/bounds.js";
import { roundTrip, writeEnvelope } from "../definition/envelope.js";
import { lifetimeOf } from "../definition/lifetimes.js";
import { fillRefuse, loadFail, valueRefuse } from "../events.js";
import type { L1Meta } from "../coherence/tenant-state.js";
import type { Entry } from "../memory/types.js";
import type { CacheStore, Lease } from "../store.js";
import { callLoader } from "./call-loader.js";
import type { Flight } from "./flight.js";
import { serveStale } from "./serve-stale.js";

/** Time after a failed load in which a stale value is served, and the loader is not called again. */
const BACK_OFF_MS = 1000;

/**
 * Loads the value, resolves the flight, and keeps the value.
 * @param token names the lease in the store; without one the store is not filled
 */
export async function loadAndFill(context: CacheContext, flight: Flight, token: string | undefined): Promise<void> {
  const { request } = flight;
  const { store, leaseRenewer, leaseReturns, clock } = context;
  const { tenantId } = request.tenant;
  const lease = token === undefined ? undefined : { tenantId, key: request.storeKey, token };
  if (lease !== undefined) leaseRenewer?.begin(lease, (error) => publishStoreFailure(request, "renew", error));
  let loaded: LoadedValue;
  request.tenant.counts.loads++;
  flight.load = "running";
  try {
    loaded = await load(context, flight);
    flight.load = "done";
  } catch (error) {
    if (lease !== undefined) leaseReturns?.add(lease, (cause) => publishStoreFailure(request, "release", cause));
    return onLoadFailure(context, flight, error);
  } finally {
    if (lease !== undefined) leaseRenewer?.end(lease);
  }
  const excess = excessOf(loaded.tags);
  if (excess !== undefined) {
    if (lease !== undefined) leaseReturns?.add(lease, (cause) => publishStoreFailure(request, "release", cause));
    return keepNowhere(flight, loaded, excess);
  }
  const { tagGeneration } = flight;
  const { value, loadMs } = loaded;
  const entry = createL1Entry(loaded, loaded, { tagGeneration, filledAt: clock.monotonic(), loadMs });
  const isShared = store !== undefined && lease !== undefined;
  flight.isWritingBack = isShared;
  if (!isShared) {
    flight.storeInL1(entry);
    flight.finish();
  }
  flight.resolve({ value, source: "load", ageMs: 0, isStale: false });
  if (isShared) await fill(context, flight, { store, lease, loaded, entry });
}

/** A loaded value after its round trip through the serializer. */
interface LoadedValue {
  readonly value: unknown;
  readonly text: string | undefined;
  /** Length of `text`. */
  readonly chars: number;
  readonly loadMs: number;
  readonly freshMs: number;
  readonly usableMs: number;
  readonly tags: readonly string[];
}

/** Rejects with what the loader, the serializer or `tags` throw. */
async function load(context: CacheContext, flight: Flight): Promise<LoadedValue> {
  const { definition, params } = flight.request;
  const { value: loaded, ttlMs, loadMs } = await callLoader(context, flight);
  const { value, text } = roundTrip(definition.serializer, loaded);
  const { freshMs, usableMs } = lifetimeOf(definition.times, value, { ttlMs, random: context.random() });
  const tags = definition.tagsOf(value, params);
  return { value, text, chars: text?.length ?? 0, loadMs, freshMs, usableMs, tags };
}

/** Resolves the flight with a value that exceeds a bound. */
function keepNowhere(flight: Flight, { value }: LoadedValue, excess: Excess): void {
  const { tenant, definition } = flight.request;
  valueRefuse.publish(() => ({ tenantId: tenant.tenantId, name: definition.name, ...excess }));
  flight.finish();
  flight.resolve({ value, source: "load", ageMs: 0, isStale: false });
}

/** Serves the stale value if `grace` allows it, and notes when the loader may be called again. */
function onLoadFailure(context: CacheContext, flight: Flight, error: unknown): void {
  const { tenant, definition } = flight.request;
  flight.load = "failed";
  flight.loadError = error;
  tenant.counts.loadErrors++;
  loadFail.publish(() => ({ tenantId: tenant.tenantId, name: definition.name, error }));
  // Later callers must not get the result of a load that is over.
  flight.finish();
  if (!serveStale(context, flight, { reason: "load-failed", error })) return flight.reject(error);
  const now = context.clock.monotonic();
  const entry = flight.staleCandidate?.entry;
  if (entry === undefined || entry.freshUntil > now) return;
  const retryAt = now + Math.min(BACK_OFF_MS, definition.times.ttlMs);
  flight.storeInL1({ ...entry, meta: { ...(entry.meta as L1Meta), retryAt } });
}

/** Resolves when the store has accepted or refused the value. Never rejects. */
function fill(
  { leaseReturns }: CacheContext,
  flight: Flight,
  work: { readonly store: CacheStore; readonly lease: Lease; readonly loaded: LoadedValue; readonly entry: Entry },
): Promise<void> | undefined {
  const { store, lease, loaded, entry } = work;
  const { request } = flight;
  const { tenant, definition, storeKey } = request;
  const onRefused = (): void => fillRefuse.publish(() => ({ tenantId: tenant.tenantId, name: definition.name }));
  // This process has invalidated the entry. The store may not know that yet.
  if (flight.isDetached) {
    leaseReturns?.add(lease, (error) => publishStoreFailure(request, "release", error));
    onRefused();
    return undefined;
  }
  const { freshMs, usableMs, tags } = loaded;
  const text = writeEnvelope(loaded, { version: definition.version, key: storeKey });
  return store.fillIn(lease, { text, freshMs, usableMs, tags }).then(
    // The store comes before L1: only a value that the store accepts is known to be current.
    (isAccepted) => (isAccepted ? flight.storeInL1(entry) : onRefused()),
    (error: unknown) => {
      publishStoreFailure(request, "fill", error);
      // Redis may still carry the fill out. It does so before the release, which then finds no lease.
      leaseReturns?.add(lease);
      flight.storeInL1(entry);
    },
  );
}
