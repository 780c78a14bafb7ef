import type { CacheContext } from "../coherence/context.js";
import { addressOf, type EntryRef, publishStoreFailure } from "../coherence/entry-ref.js";
import { openFence } from "../coherence/fence.js";
import { ageOf, createL1Entry, storeInL1IfCurrent } from "../coherence/l1-entry.js";
import { readEnvelope } from "../definition/envelope.js";
import { entryReject } from "../events.js";
import type { Entry } from "../memory/types.js";
import type { CacheStore, ClaimReason, ClaimResult, ReadResult, StoredEntry } from "../store.js";
import type { CacheResult, Flight } from "./flight.js";
import { pauseBetweenPolls } from "./poll-while-loading.js";
import { serveStale } from "./serve-stale.js";

/** `load`: this process loads, and fills the store if it has a token. `done`: nothing is left to do. */
type LookupResult =
  | { readonly is: "found"; readonly result: CacheResult<unknown> }
  | { readonly is: "load"; readonly token: string | undefined }
  | { readonly is: "done" };

/**
 * Reads the store until it has the value, or this process has the lease. Never rejects.
 * @param first the result of a first read that `acceptFresh` did not accept
 */
export async function lookUpStore(context: CacheContext, flight: Flight, first?: ReadResult): Promise<LookupResult> {
  const { store, clock } = context;
  if (store === undefined) return { is: "load", token: undefined };
  const { request } = flight;
  // No load outlives its hard timeout, and no lease of a dead process its own life: after that another load has begun.
  const giveUpAt = clock.monotonic() + request.definition.hardMs + store.leaseMs;
  for (let attempt = 0; ; attempt++) {
    const isFirst = attempt === 0 && first !== undefined;
    const found = isFirst ? first : await askStore(context, request, () => store.read(addressOf(request)));
    if (found === undefined) return { is: "load", token: undefined };
    const result = isFirst ? undefined : acceptFresh(context, flight, found);
    if (result !== undefined) return { is: "found", result };
    const lookup = await claimOrWait(context, flight, { found, store });
    if (lookup !== undefined) return lookup;
    // Another process is loading. A caller that took the stale value needs nothing more.
    if (flight.isSettled) return { is: "done" };
    if (attempt === 0) request.batch?.withdraw();
    if (clock.monotonic() >= giveUpAt) return { is: "load", token: undefined };
    await pauseBetweenPolls(attempt, context.random);
  }
}

/** Claims the lease for a refresh ahead of time. */
export async function claimForRefresh({ store }: CacheContext, { request }: Flight): Promise<LookupResult> {
  if (store === undefined) return { is: "load", token: undefined };
  const claimed = await tryClaim(store, request, { to: "refresh" });
  return claimed?.is === "leased" ? { is: "load", token: claimed.token } : { is: "done" };
}

/** Reads a fresh value from the store. Takes no lease, and does not wait for another process that is loading. */
export async function findInStore(context: CacheContext, ref: EntryRef): Promise<CacheResult<unknown> | undefined> {
  const { store } = context;
  const { tenant } = ref;
  if (store === undefined) return undefined;
  const isCurrent = openFence(context, tenant);
  const { tagGeneration } = tenant;
  const stored = await askStore(context, ref, () => store.readWithoutLease(addressOf(ref)));
  if (stored === undefined || stored.ageMs >= stored.freshMs) return undefined;
  const entry = decodeStored(context, ref, { stored, tagGeneration });
  if (entry === undefined) return undefined;
  storeInL1IfCurrent(context, ref, { entry, isCurrent: isCurrent() && !hasNewer(context, ref, entry) });
  tenant.counts.storeHits++;
  return { value: entry.value, source: "store", ageMs: stored.ageMs, isStale: false };
}

/** True when L1 has got a newer value meanwhile. */
function hasNewer({ clock }: CacheContext, { tenant, definition, key }: EntryRef, entry: Entry): boolean {
  const current = tenant.peek(definition.name, key);
  const now = clock.monotonic();
  return current !== undefined && ageOf(current, now) <= ageOf(entry, now);
}

/** Stores a fresh value in L1. @returns `undefined` for any other result of a read */
export function acceptFresh(
  context: CacheContext,
  flight: Flight,
  found: ReadResult,
): CacheResult<unknown> | undefined {
  if (found.is !== "value" || found.stored.ageMs >= found.stored.freshMs) return undefined;
  const { request, tagGeneration } = flight;
  const entry = decodeStored(context, request, { stored: found.stored, tagGeneration });
  if (entry === undefined) return undefined;
  flight.storeInL1(entry);
  if (request.prefetch === undefined) request.tenant.counts.storeHits++;
  return { value: entry.value, source: "store", ageMs: found.stored.ageMs, isStale: false };
}

/** @returns `undefined` when another process has the lease */
async function claimOrWait(
  context: CacheContext,
  flight: Flight,
  { found, store }: { readonly found: ReadResult; readonly store: CacheStore },
): Promise<LookupResult | undefined> {
  if (found.is !== "value") {
    keepStaleCandidate(context, flight, found.old);
    return found.is === "leased" ? { is: "load", token: found.token } : undefined;
  }
  // A fresh value gets here only if it could not be decoded. That was published, and must not be published again.
  const isFresh = found.stored.ageMs < found.stored.freshMs;
  const isReadable = keepStaleCandidate(context, flight, isFresh ? undefined : found.stored);
  // A value that this process cannot read is not worth keeping while it loads.
  const claimed = await tryClaim(
    store,
    flight.request,
    isReadable ? { to: "refresh" } : { to: "write", version: undefined },
  );
  if (claimed === undefined) return { is: "load", token: undefined };
  return claimed.is === "leased" ? { is: "load", token: claimed.token } : undefined;
}

/** @returns whether there is a value, and it could be decoded */
function keepStaleCandidate(context: CacheContext, flight: Flight, stored: StoredEntry | undefined): boolean {
  if (stored === undefined) return false;
  const entry = decodeStored(context, flight.request, { stored, tagGeneration: flight.tagGeneration });
  if (entry === undefined) return false;
  const current = flight.staleCandidate;
  if (current === undefined || current.entry.freshUntil < entry.freshUntil) {
    flight.staleCandidate = { entry, source: "store" };
  }
  serveStale(context, flight, { reason: "refreshing" });
  return true;
}

/** Asks the store. `undefined`: invalidations of the tenant are still queued, or the store did not answer. */
async function askStore<T>({ retryQueue }: CacheContext, ref: EntryRef, ask: () => Promise<T>): Promise<T | undefined> {
  const { tenantId } = ref.tenant;
  if (retryQueue?.has(tenantId) === true && !(await retryQueue.flush(tenantId))) return undefined;
  try {
    return await ask();
  } catch (error) {
    publishStoreFailure(ref, "read", error);
    return undefined;
  }
}

async function tryClaim(store: CacheStore, ref: EntryRef, reason: ClaimReason): Promise<ClaimResult | undefined> {
  try {
    return await store.claim(addressOf(ref), reason);
  } catch (error) {
    publishStoreFailure(ref, "claim", error);
    return undefined;
  }
}

/** @returns `undefined` for an entry that cannot be decoded: it counts as missing */
function decodeStored(
  { clock }: CacheContext,
  { tenant, definition, key, storeKey }: EntryRef,
  { stored, tagGeneration }: { readonly stored: StoredEntry; readonly tagGeneration: number },
): Entry | undefined {
  const decoded = readEnvelope(stored.text, { version: definition.version, key: storeKey }, definition.serializer);
  if (decoded.ok) {
    const filledAt = clock.monotonic() - stored.ageMs;
    return createL1Entry(decoded, stored, { tagGeneration, filledAt, loadMs: decoded.loadMs });
  }
  const { reason } = decoded;
  entryReject.publish(() => ({ tenantId: tenant.tenantId, name: definition.name, key, reason }));
  return undefined;
}
