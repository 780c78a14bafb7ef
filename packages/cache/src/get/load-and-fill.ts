import type { Engine } from "../coherence/context.js";
import { type Packed, pack, seal } from "../definition/envelope.js";
import { fillRefuse, loadFail } from "../events.js";
import type { Errand, Flight } from "./flight.js";
import { spanOf } from "../definition/lifetimes.js";
import { callLoader, type Loaded } from "./call-loader.js";
import { tellFailure } from "./store-lookup.js";
import type { Entry } from "../memory/types.js";
import { entryOf, type Got, keep } from "../coherence/l1-entry.js";
import { serveOld } from "./serve-stale.js";
import type { CacheStore, Lease } from "../store.js";

/** After a failed load an old value is served for so long before the loader is asked again. */
const BACK_OFF_MS = 1000;

export interface Job {
  readonly errand: Errand;
  readonly flight: Flight;
  /** Of the lease; without one the value is not for the store. */
  readonly token: string | undefined;
}

/** Loads the value, gives it to the readers, and keeps it. */
export async function loadInto(engine: Engine, job: Job): Promise<void> {
  const { errand, flight, token } = job;
  const { store, renewals } = engine;
  const lease = token === undefined ? undefined : { tenantId: errand.space.tenantId, key: errand.placeKey, token };
  if (lease !== undefined) renewals?.begin(lease, (error) => tellFailure(errand, "renew", error));
  let made: Made;
  errand.space.counts.loads++;
  try {
    made = madeOf(engine, errand, await callLoader(engine, errand, flight));
  } catch (error) {
    if (store !== undefined && lease !== undefined) giveBack(store, errand, lease);
    return failed(engine, job, error);
  } finally {
    if (lease !== undefined) renewals?.end(lease);
  }
  const entry = entryOf(engine.clock.monotonic(), flight.mark, made.got);
  const isShared = store !== undefined && lease !== undefined;
  flight.isFilling = isShared;
  if (!isShared) {
    keep(engine, errand, { flight, entry });
    flight.land();
  }
  flight.settle({ value: entry.value, source: "load", ageMs: 0, isStale: false });
  if (isShared) await fill(engine, { errand, flight, store, lease, made, entry });
}

/** What a load has brought. */
interface Made {
  readonly packed: Packed;
  readonly got: Got;
}

/** @throws what the shape or the tags throw */
function madeOf(engine: Engine, { spec, params }: Errand, { value, ownTtlMs, loadMs }: Loaded): Made {
  const packed = pack(spec.shape, value);
  const { freshMs, usableMs } = spanOf(spec.times, packed.value, { ownTtlMs, random: engine.random() });
  const tags = spec.tagsOf(packed.value, params);
  const chars = packed.text?.length ?? 0;
  return { packed, got: { value: packed.value, chars, freshMs, usableMs, ageMs: 0, loadMs, tags } };
}

/** Gives the readers the old value if they may have it, and then the loader some rest. */
function failed(engine: Engine, { errand, flight }: Job, error: unknown): void {
  const { space, spec } = errand;
  space.counts.loadErrors++;
  loadFail.publish(() => ({ tenantId: space.tenantId, name: spec.name, error }));
  // Whoever asks from now on is not to get the answer of a load that is over.
  flight.land();
  if (!serveOld(engine, { errand, flight }, { reason: "load-failed", error })) return flight.fail(error);
  const now = engine.clock.monotonic();
  const entry = flight.old?.entry;
  if (entry === undefined || entry.freshUntil > now) return;
  const freshUntil = Math.min(now + Math.min(BACK_OFF_MS, spec.times.ttlMs), entry.usableUntil);
  keep(engine, errand, { flight, entry: { ...entry, freshUntil } });
}

interface Filling {
  readonly errand: Errand;
  readonly flight: Flight;
  readonly store: CacheStore;
  readonly lease: Lease;
  readonly made: Made;
  readonly entry: Entry;
}

/** Resolves when the store has it, or not. Never rejects. */
function fill(engine: Engine, filling: Filling): Promise<void> | undefined {
  const { errand, flight, store, lease, made, entry } = filling;
  const { space, spec, placeKey } = errand;
  const refused = (): void => fillRefuse.publish(() => ({ tenantId: space.tenantId, name: spec.name }));
  // Invalidated here, and perhaps nowhere else yet: the store may not have heard of it.
  if (flight.isDetached) {
    giveBack(store, errand, lease);
    refused();
    return undefined;
  }
  const { freshMs, usableMs, loadMs, tags } = made.got;
  const text = seal({ text: made.packed.text, loadMs }, { version: spec.version, key: placeKey });
  return store.fillIn(lease, { text, freshMs, usableMs, tags }).then(
    // In the store first: only what it takes is known to be what it should be.
    (isKept) => (isKept ? keep(engine, errand, { flight, entry }) : refused()),
    (error: unknown) => {
      tellFailure(errand, "fill", error);
      keep(engine, errand, { flight, entry });
    },
  );
}

function giveBack(store: CacheStore, errand: Errand, lease: Lease): void {
  store.release(lease).catch((error: unknown) => tellFailure(errand, "release", error));
}
