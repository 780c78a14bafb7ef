import { setTimeout as pause } from "node:timers/promises";
import { entryReject, storeFail, type StoreFailed } from "../events.js";
import type { Engine } from "../coherence/context.js";
import { open, type Opened } from "../definition/envelope.js";
import type { Errand, Flight, Outcome } from "./flight.js";
import type { Entry } from "../memory/types.js";
import { entryOf, type Got, keep } from "../coherence/l1-entry.js";
import { serveOld } from "./serve-stale.js";
import type { CacheStore, ClaimResult, ReadResult, EntryAddress, StoredEntry } from "../store.js";

/** What the store said: here it is; load it (and fill it, with a token); or there is nothing left to do. */
export type Answer =
  | { readonly is: "found"; readonly outcome: Outcome }
  | { readonly is: "load"; readonly token: string | undefined }
  | { readonly is: "done" };

/** Between two questions whether somebody else has loaded it. */
const FIRST_PAUSE_MS = 8;
const LONGEST_PAUSE_MS = 60;

/** Asks the store until it has the value, or this process is to load it. Never rejects, and never waits for long. */
export async function lookUp(engine: Engine, { errand, flight, first }: Search): Promise<Answer> {
  const { store } = engine;
  if (store === undefined) return { is: "load", token: undefined };
  const { hardMs } = errand.spec;
  // Whoever loads is alive, or its lease would have ended: after that long it loads something else, or nothing ends.
  const until = engine.clock.monotonic() + hardMs + store.leaseMs;
  for (let attempt = 0; ; attempt++) {
    const found = attempt === 0 && first !== undefined ? first : await readOnce(engine, errand, store);
    if (found === undefined) return { is: "load", token: undefined };
    // The first answer was looked at by who got it.
    const outcome = found === first ? undefined : settled(engine, { errand, flight }, found);
    if (outcome !== undefined) return { is: "found", outcome };
    const answer = await answerOf(engine, { errand, flight, found, store });
    if (answer !== undefined) return answer;
    // Somebody else has it under way. Who was content with the old value needs no more.
    if (flight.isSettled) return { is: "done" };
    if (attempt === 0) errand.loadTogether?.leave();
    if (engine.clock.monotonic() >= until) return { is: "load", token: undefined };
    const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
    await pause(ms * (0.5 + engine.random()));
  }
}

export interface Search {
  readonly errand: Errand;
  readonly flight: Flight;
  /** What the store has said already. */
  readonly first?: ReadResult;
}

/** Keeps what the store has, if it is fresh. What it is otherwise, `lookUp` finds out. */
export function settled(engine: Engine, { errand, flight }: Seat, found: ReadResult): Outcome | undefined {
  if (found.is !== "value" || found.stored.ageMs >= found.stored.freshMs) return undefined;
  const entry = readStored(engine, errand, { stored: found.stored, mark: flight.mark });
  if (entry === undefined) return undefined;
  keep(engine, errand, { flight, entry });
  if (errand.aheadOfTime === undefined) errand.space.counts.storeHits++;
  return { value: entry.value, source: "store", ageMs: found.stored.ageMs, isStale: false };
}

interface Seen {
  readonly errand: Errand;
  readonly flight: Flight;
  readonly found: ReadResult;
  readonly store: CacheStore;
}

/** @returns `undefined` when it must be waited for */
async function answerOf(engine: Engine, { errand, flight, found, store }: Seen): Promise<Answer | undefined> {
  if (found.is !== "value") {
    const old =
      found.old === undefined ? undefined : readStored(engine, errand, { stored: found.old, mark: flight.mark });
    offer(engine, { errand, flight }, old);
    return found.is === "leased" ? { is: "load", token: found.token } : undefined;
  }
  // Fresh is what could not be read: it was told already, and is not to be told twice.
  const isFresh = found.stored.ageMs < found.stored.freshMs;
  const entry = isFresh ? undefined : readStored(engine, errand, { stored: found.stored, mark: flight.mark });
  offer(engine, { errand, flight }, entry);
  // What cannot be read is nobody's to keep.
  const purpose = entry === undefined ? ({ to: "write", version: undefined } as const) : ({ to: "refresh" } as const);
  const claimed = await claimOnce(store, errand, purpose);
  if (claimed === undefined) return { is: "load", token: undefined };
  return claimed.is === "leased" ? { is: "load", token: claimed.token } : undefined;
}

async function claimOnce(
  store: CacheStore,
  errand: Errand,
  purpose: Parameters<CacheStore["claim"]>[1],
): Promise<ClaimResult | undefined> {
  try {
    return await store.claim(placeOf(errand), purpose);
  } catch (error) {
    tellFailure(errand, "claim", error);
    return undefined;
  }
}

/** For a refresh ahead of time, which nobody waits for. */
export async function claimRefresh({ store }: Engine, { errand }: Search): Promise<Answer> {
  if (store === undefined) return { is: "load", token: undefined };
  const claimed = await claimOnce(store, errand, { to: "refresh" });
  return claimed?.is === "leased" ? { is: "load", token: claimed.token } : { is: "done" };
}

/** @returns `undefined` when the store must not be used, or could not answer */
async function readOnce({ journal }: Engine, errand: Errand, store: CacheStore): Promise<ReadResult | undefined> {
  const { tenantId } = errand.space;
  // What could not be invalidated there must not be read there.
  if (journal?.has(tenantId) === true && !(await journal.flush(tenantId))) return undefined;
  try {
    return await store.read(placeOf(errand));
  } catch (error) {
    tellFailure(errand, "read", error);
    return undefined;
  }
}

export const placeOf = ({ space, spec, placeKey }: Errand): EntryAddress => ({
  tenantId: space.tenantId,
  key: placeKey,
  hasTags: spec.hasTags,
});

export function tellFailure({ space }: Errand, operation: StoreFailed["operation"], error: unknown): void {
  storeFail.publish(() => ({ tenantId: space.tenantId, operation, error }));
}

interface Seat {
  readonly errand: Errand;
  readonly flight: Flight;
}

function offer(engine: Engine, { errand, flight }: Seat, entry: Entry | undefined): void {
  if (entry === undefined) return;
  if (flight.old === undefined || flight.old.entry.freshUntil < entry.freshUntil)
    flight.old = { entry, source: "store" };
  serveOld(engine, { errand, flight }, { reason: "refreshing" });
}

/** Written out, because it is on the way of every read. */
function gotOf(
  { freshMs, usableMs, ageMs, tags }: StoredEntry,
  { value, chars, loadMs }: Extract<Opened, { ok: true }>,
): Got {
  return { value, chars, loadMs, freshMs, usableMs, ageMs, tags };
}

interface Read {
  readonly stored: StoredEntry;
  /** Of the space, when the read began. */
  readonly mark: number;
}

/** @returns `undefined` for what cannot be read: it is as good as not there */
export function readStored(engine: Engine, errand: Errand, { stored, mark }: Read): Entry | undefined {
  const { space, spec, key, placeKey } = errand;
  const opened = open(stored.text, { version: spec.version, key: placeKey }, spec.shape);
  if (opened.ok) return entryOf(engine.clock.monotonic(), mark, gotOf(stored, opened));
  const { reason } = opened;
  entryReject.publish(() => ({ tenantId: space.tenantId, name: spec.name, key, reason }));
  return undefined;
}
