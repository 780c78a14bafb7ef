import type { Engine } from "../coherence/context.js";
import type { Errand, Outcome } from "./flight.js";
import { placeOf, readStored, tellFailure } from "./store-lookup.js";
import type { Entry } from "../memory/types.js";
import { ageOf, put } from "../coherence/l1-entry.js";
import type { CacheStore, StoredEntry } from "../store.js";
import { unheard } from "../coherence/fence.js";

/** The fresh value that the store has. Takes no lease, and waits for nobody who loads. */
export async function find(engine: Engine, errand: Errand): Promise<Outcome | undefined> {
  const { store } = engine;
  const { space } = errand;
  if (store === undefined) return undefined;
  const isCurrent = unheard(engine, space);
  const { mark } = space;
  const stored = await look(engine, errand, store);
  if (stored === undefined || stored.ageMs >= stored.freshMs) return undefined;
  const entry = readStored(engine, errand, { stored, mark });
  if (entry === undefined) return undefined;
  if (isCurrent() && !hasNewer(engine, errand, entry)) put(errand, entry);
  space.counts.storeHits++;
  return { value: entry.value, source: "store", ageMs: stored.ageMs, isStale: false };
}

/** Whether memory got something from elsewhere meanwhile. */
function hasNewer({ clock }: Engine, { space, spec, key }: Errand, entry: Entry): boolean {
  const there = space.look(spec.name, key);
  const now = clock.monotonic();
  return there !== undefined && ageOf(there, now) <= ageOf(entry, now);
}

/** @returns `undefined` also when the store must not be used, or could not answer */
async function look({ journal }: Engine, errand: Errand, store: CacheStore): Promise<StoredEntry | undefined> {
  const { tenantId } = errand.space;
  if (journal?.has(tenantId) === true && !(await journal.flush(tenantId))) return undefined;
  try {
    return await store.readWithoutLease(placeOf(errand));
  } catch (error) {
    tellFailure(errand, "read", error);
    return undefined;
  }
}
