import type { Engine } from "../coherence/context.js";
import { type Errand, Flight } from "./flight.js";
import { loadInto } from "./load-and-fill.js";
import { type Answer, claimRefresh, lookUp, placeOf, type Search, settled, tellFailure } from "./store-lookup.js";
import type { Entry } from "../memory/types.js";
import { recall } from "../coherence/l1-entry.js";
import { serveOld } from "./serve-stale.js";
import type { ReadResult, ReadListener } from "../store.js";

/** The flight that brings the value: the one under way, or one of its own. */
export function join(engine: Engine, errand: Errand): Flight | Promise<Flight> {
  const current = errand.space.flights.get(errand.placeKey);
  if (current?.isCurrent !== true) return start(engine, errand, lookUp);
  errand.loadTogether?.leave();
  if (errand.aheadOfTime === undefined) current.isAskedFor = true;
  if (!current.isFilling) return current;
  // The load is over: whether the value still counts is known in a moment, and nobody who comes now should get another.
  const { space } = errand;
  space.calls++;
  return current.landing().then(() => {
    space.calls--;
    return join(engine, errand);
  });
}

/** Has a value loaded that is still fresh, unless somebody is about it. */
export function refreshAhead(engine: Engine, errand: Errand): void {
  if (errand.space.flights.has(errand.placeKey)) return;
  // Nobody waits for it; that it failed is published.
  start(engine, errand, claimRefresh).done.catch(() => undefined);
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
  const reading = new Reading(engine, errand, flight);
  const place = placeOf(errand);
  if (store.read.to !== undefined) store.read.to(place, reading);
  else {
    store.read(place).then(
      (found) => reading.found(found),
      (error: unknown) => reading.failed(error),
    );
  }
  return flight;
}

/**
 * The usual cases, a value that is in the store and one that is nowhere, without the promises of the others. A class, because
 * one is made for each read.
 */
class Reading implements ReadListener {
  readonly #engine: Engine;
  readonly #errand: Errand;
  readonly #flight: Flight;

  constructor(engine: Engine, errand: Errand, flight: Flight) {
    this.#engine = engine;
    this.#errand = errand;
    this.#flight = flight;
  }

  found(first: ReadResult): void {
    const [engine, errand, flight] = [this.#engine, this.#errand, this.#flight];
    try {
      const outcome = settled(engine, { errand, flight }, first);
      if (outcome === undefined) return this.#missing(first);
      flight.land();
      flight.settle(outcome);
    } catch (error) {
      flight.land();
      flight.fail(error);
    }
    errand.loadTogether?.leave();
  }

  failed(error: unknown): void {
    const [errand, flight] = [this.#errand, this.#flight];
    tellFailure(errand, "read", error);
    go(this.#engine, { errand, flight, find: loadOnly });
  }

  #missing(first: ReadResult): void {
    const [engine, errand, flight] = [this.#engine, this.#errand, this.#flight];
    if (first.is !== "leased" || first.old !== undefined) return go(engine, { errand, flight, find: lookUp, first });
    end(flight, loadInto(engine, { errand, flight, token: first.token }));
  }
}

const loadOnly: Find = async () => ({ is: "load", token: undefined });

interface Course {
  readonly errand: Errand;
  readonly flight: Flight;
  readonly find: Find;
  readonly entry?: Entry | undefined;
  readonly first?: ReadResult;
}

function go(engine: Engine, course: Course): void {
  end(course.flight, run(engine, course));
}

/** Nobody waits for a flight for ever, whatever becomes of it. */
function end(flight: Flight, work: Promise<void>): void {
  work.then(
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
    serveOld(engine, { errand, flight }, { reason: "refreshing" });
    if (isFresh) return errand.loadTogether?.leave();
  }
  const { softMs } = errand.spec;
  const slow = (): boolean => serveOld(engine, { errand, flight }, { reason: "slow" });
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
