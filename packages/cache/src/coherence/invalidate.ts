import { storeFail } from "../events.js";
import type { Engine } from "./context.js";
import { pack, seal } from "../definition/envelope.js";
import type { Errand } from "../get/flight.js";
import { spanOf } from "../definition/lifetimes.js";
import { placeOf } from "../get/store-lookup.js";
import type { Entry } from "../memory/types.js";
import { entryOf, put } from "./l1-entry.js";
import type { Meta, Space } from "./tenant-state.js";
import type { CacheStore, EntryContent, Invalidation } from "../store.js";
import { unheard } from "./fence.js";

/**
 * What became of a write or an invalidation.
 * `applied`: nobody reads the old value from the store any more, and all processes that listen were told.
 * `queued`: the store could not be reached. This process does not serve the old value; others may until it is repeated.
 * `lost`: as `queued`, but too much is queued already: only the time of the entry ends it.
 * `refused`: of a set with an older version than what is there, or one that was overtaken.
 */
export interface Receipt {
  readonly state: "applied" | "queued" | "lost" | "refused";
}

const APPLIED: Receipt = { state: "applied" };
const REFUSED: Receipt = { state: "refused" };

/** Forgets here, then there, then here again: what was read between the two was read too early. */
export async function invalidate(engine: Engine, space: Space, what: Invalidation): Promise<Receipt> {
  space.counts.invalidations++;
  space.apply(what);
  if (engine.store === undefined) return APPLIED;
  space.calls++;
  try {
    await engine.store.invalidate(what);
    return APPLIED;
  } catch (error) {
    return queue(engine, what, error);
  } finally {
    space.apply(what);
    space.calls--;
  }
}

function queue({ journal }: Engine, what: Invalidation, error: unknown): Receipt {
  storeFail.publish(() => ({ tenantId: what.tenantId, operation: "invalidate", error }));
  return { state: journal?.add(what) === true ? "queued" : "lost" };
}

export interface Write {
  readonly value: unknown;
  readonly version: number | undefined;
  readonly ownTtlMs: number | undefined;
}

/**
 * Takes the lease from whoever has it, and fills it: a fill that is late, and overtaken by an invalidation, changes nothing.
 * @throws what the schema or the codec throws
 */
export async function write(engine: Engine, errand: Errand, what: Write): Promise<Receipt> {
  const { space } = errand;
  // What is loaded meanwhile must be there to be detached.
  space.calls++;
  try {
    return await carryOut(engine, errand, what);
  } finally {
    space.calls--;
  }
}

async function carryOut(engine: Engine, errand: Errand, { value, version, ownTtlMs }: Write): Promise<Receipt> {
  const { space, spec, placeKey } = errand;
  const { store, clock } = engine;
  const packed = pack(spec.shape, value);
  const tags = spec.tagsOf(packed.value, errand.params);
  const span = spanOf(spec.times, packed.value, { ownTtlMs, random: engine.random() });
  const gone: Invalidation = { tenantId: space.tenantId, keys: [placeKey], tags: [], all: false };
  if (store === undefined && isOlder(version, space.look(spec.name, errand.key), clock.monotonic())) return REFUSED;
  space.apply(gone);
  let isCurrent = unheard(engine, space);
  if (store !== undefined) {
    const content = {
      text: seal({ text: packed.text, loadMs: 0 }, { version: spec.version, key: placeKey }),
      ...span,
      tags,
    };
    const claimed = (): void => {
      space.apply(gone);
      isCurrent = unheard(engine, space);
    };
    try {
      if (!(await writeThere(store, errand, { content, version, claimed }))) return REFUSED;
    } catch (error) {
      space.apply(gone);
      return queue(engine, gone, error);
    }
  }
  if (isCurrent()) {
    const got = { value: packed.value, ...span, ageMs: 0, loadMs: 0, tags, chars: packed.text?.length ?? 0 };
    put(errand, versioned(entryOf(clock.monotonic(), space.mark, got), version));
  }
  return APPLIED;
}

/** Without a store it is memory that knows of which version a value is. */
interface Versioned extends Meta {
  readonly version: number;
}

function versioned(entry: Entry, version: number | undefined): Entry {
  if (version === undefined) return entry;
  const meta: Versioned = { ...(entry.meta as Meta), version };
  return { ...entry, meta };
}

function isOlder(version: number | undefined, there: Entry | undefined, now: number): boolean {
  if (version === undefined || there === undefined || there.usableUntil <= now) return false;
  return version < ((there.meta as Partial<Versioned>).version ?? -Infinity);
}

interface WriteThere {
  readonly content: EntryContent;
  readonly version: number | undefined;
  /** Called once the old value is gone. */
  claimed(): void;
}

async function writeThere(
  store: CacheStore,
  errand: Errand,
  { content, version, claimed }: WriteThere,
): Promise<boolean> {
  const place = placeOf(errand);
  const claim = await store.claim(place, { to: "write", version });
  claimed();
  return claim.is === "leased" && store.fillIn({ ...place, token: claim.token, notify: true }, content);
}
