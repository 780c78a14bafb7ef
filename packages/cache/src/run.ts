import { fillRefuse, loadFail } from "./events.js";
import type { Engine } from "./engine.js";
import { pack, type Packed, seal } from "./envelope.js";
import { type Errand, Flight, type Outcome } from "./flight.js";
import { type Span, spanOf } from "./freshness.js";
import { callLoader } from "./load.js";
import type { Entry } from "./memory/types.js";
import { type Answer, claimRefresh, lookUp, placeOf, type Search, settled, tellFailure } from "./lookup.js";
import { entryOf, keep, recall } from "./memory-entry.js";
import { serveOld } from "./stale.js";
import type { CacheStore, Content, Found, Lease } from "./store.js";

/** After a failed load an old value is served for so long before the loader is asked again. */
const BACK_OFF_MS = 1000;

/** The value, from the flight that brings it already, or from one of its own. */
export function join(engine: Engine, errand: Errand): Promise<Outcome> {
  const current = errand.space.flights.get(errand.placeKey);
  if (current?.isCurrent !== true) return start(engine, errand, lookUp).done;
  errand.loadTogether?.leave();
  if (!current.isFilling) return current.done;
  // The load is over: whether the value still counts is known in a moment, and nobody who comes now should get another.
  return current.landing().then(() => join(engine, errand));
}

/** Has a value loaded that is still fresh, unless somebody is about it. */
export function refreshAhead(engine: Engine, errand: Errand): void {
  if (errand.space.flights.has(errand.placeKey)) return;
  start(engine, errand, claimRefresh);
}

type Find = (engine: Engine, search: Search) => Promise<Answer>;

function start(engine: Engine, errand: Errand, find: Find): Flight {
  const flight = new Flight(engine, errand);
  const { store } = engine;
  const entry = recall(engine, errand);
  if (
    find !== lookUp ||
    store === undefined ||
    entry !== undefined ||
    engine.journal?.has(errand.space.tenantId) === true
  ) {
    go(engine, { errand, flight, find, entry });
    return flight;
  }
  // The usual case, without the promises of the others: a value that is in the store.
  const onFound = (first: Found): void => {
    try {
      const outcome = settled(engine, { errand, flight }, first);
      if (outcome === undefined) return go(engine, { errand, flight, find, first });
      flight.land();
      flight.settle(outcome);
    } catch (error) {
      flight.land();
      flight.fail(error);
    }
    errand.loadTogether?.leave();
  };
  const onError = (error: unknown): void => {
    tellFailure(errand, "read", error);
    go(engine, { errand, flight, find: loadOnly });
  };
  store.read(placeOf(errand)).then(onFound, onError);
  return flight;
}

const loadOnly: Find = async () => ({ is: "load", token: undefined });

interface Course {
  readonly errand: Errand;
  readonly flight: Flight;
  readonly find: Find;
  readonly entry?: Entry | undefined;
  readonly first?: Found;
}

function go(engine: Engine, course: Course): void {
  const { flight } = course;
  run(engine, course).then(
    () => flight.land(),
    (error: unknown) => {
      flight.land();
      flight.fail(error);
    },
  );
}

async function run(engine: Engine, { errand, flight, find, entry, first }: Course): Promise<void> {
  if (entry !== undefined) {
    flight.old = { entry, source: "memory" };
    // What somebody else has kept since this reader asked.
    const isFresh = find === lookUp && entry.freshUntil > engine.clock.monotonic();
    if (isFresh) flight.land();
    serveOld(engine, { errand, flight }, { because: "refreshing" });
    if (isFresh) return errand.loadTogether?.leave();
  }
  const { softMs } = errand.spec;
  const slow = (): boolean => serveOld(engine, { errand, flight }, { because: "slow" });
  const soft = softMs === undefined ? undefined : setTimeout(slow, softMs);
  try {
    let answer = await find(engine, { errand, flight, ...(first !== undefined && { first }) });
    // Somebody joined a refresh that is another process's.
    if (answer.is === "done" && !flight.isSettled) answer = await lookUp(engine, { errand, flight });
    if (answer.is === "found") {
      flight.land();
      flight.settle(answer.outcome);
    }
    if (answer.is === "load") await loadInto(engine, { errand, flight, token: answer.token });
  } finally {
    // Whatever became of it, the others are not to wait for it.
    errand.loadTogether?.leave();
    clearTimeout(soft);
  }
}

interface Job {
  readonly errand: Errand;
  readonly flight: Flight;
  readonly token: string | undefined;
}

async function loadInto(engine: Engine, job: Job): Promise<void> {
  const { errand, flight, token } = job;
  const { space, spec } = errand;
  const { store } = engine;
  const lease = token === undefined ? undefined : { ...placeOf(errand), token };
  const stopRenewing = store !== undefined && lease !== undefined ? renewing(store, errand, lease) : undefined;
  let result: Result;
  space.counts.loads++;
  try {
    result = await loadResult(engine, errand, flight);
  } catch (error) {
    stopRenewing?.();
    if (store !== undefined && lease !== undefined) giveBack(store, errand, lease);
    return failed(engine, job, error);
  }
  stopRenewing?.();
  const entry = entryFrom(engine, flight, result);
  const outcome: Outcome = { value: entry.value, source: "load", ageMs: 0, isStale: false };
  if (store === undefined || lease === undefined) {
    keep(engine, errand, { flight, entry });
    flight.land();
    return flight.settle(outcome);
  }
  flight.isFilling = true;
  flight.settle(outcome);
  const text = seal(
    { text: result.packed.text, loadMs: result.loadMs },
    { version: spec.version, key: errand.placeKey },
  );
  const isKept = await fill(store, { errand, flight, lease, content: { ...result.span, text, tags: result.tags } });
  // In the store first: only what it takes is known to be what it should be.
  if (isKept) keep(engine, errand, { flight, entry });
  else fillRefuse.publish(() => ({ tenantId: space.tenantId, name: spec.name }));
}

interface Result {
  readonly packed: Packed;
  readonly tags: readonly string[];
  readonly span: Span;
  readonly loadMs: number;
}

async function loadResult(engine: Engine, errand: Errand, flight: Flight): Promise<Result> {
  const { spec, params } = errand;
  const { value, ownTtlMs, loadMs } = await callLoader(engine, errand, flight);
  const packed = pack(spec.shape, value);
  const span = spanOf(spec.times, packed.value, { ownTtlMs, random: engine.random() });
  return { packed, tags: spec.tagsOf(packed.value, params), span, loadMs };
}

function entryFrom(engine: Engine, flight: Flight, result: Result): Entry {
  const { packed, tags, span, loadMs } = result;
  const got = { value: packed.value, chars: packed.text?.length ?? 0, ...span, ageMs: 0, loadMs, tags };
  return entryOf(engine.clock.monotonic(), flight.mark, got);
}

/** Gives the readers the old value if they may have it, and then the loader some rest. */
function failed(engine: Engine, { errand, flight }: Job, error: unknown): void {
  const { space, spec } = errand;
  space.counts.loadErrors++;
  loadFail.publish(() => ({ tenantId: space.tenantId, name: spec.name, error }));
  if (!serveOld(engine, { errand, flight }, { because: "load-failed", error })) return flight.fail(error);
  const now = engine.clock.monotonic();
  const entry = flight.old?.entry;
  if (entry === undefined || entry.freshUntil > now) return;
  const freshUntil = Math.min(now + Math.min(BACK_OFF_MS, spec.times.ttlMs), entry.usableUntil);
  keep(engine, errand, { flight, entry: { ...entry, freshUntil } });
}

interface Filling {
  readonly errand: Errand;
  readonly flight: Flight;
  readonly lease: Lease;
  readonly content: Content;
}

/** @returns false when the value may be outdated */
async function fill(store: CacheStore, { errand, flight, lease, content }: Filling): Promise<boolean> {
  // Invalidated here, and perhaps nowhere else yet: the store may not have heard of it.
  if (flight.isDetached) {
    giveBack(store, errand, lease);
    return false;
  }
  try {
    return await store.fillIn(lease, content);
  } catch (error) {
    tellFailure(errand, "fill", error);
    return true;
  }
}

function giveBack(store: CacheStore, errand: Errand, lease: Lease): void {
  store.release(lease).catch((error: unknown) => tellFailure(errand, "release", error));
}

/** Keeps the lease for as long as the load takes. */
function renewing(store: CacheStore, errand: Errand, lease: Lease): () => void {
  let isStopped = false;
  const later = (): NodeJS.Timeout => setTimeout(() => void renew(), store.leaseMs / 3);
  const renew = async (): Promise<void> => {
    try {
      isStopped ||= !(await store.renew(lease));
    } catch (error) {
      tellFailure(errand, "renew", error);
    }
    if (!isStopped) timer = later();
  };
  let timer = later();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
