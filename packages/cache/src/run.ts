import type { Engine } from "./engine.js";
import { type Errand, Flight } from "./flight.js";
import { loadInto } from "./load-into.js";
import { type Answer, claimRefresh, lookUp, placeOf, type Search, settled, tellFailure } from "./lookup.js";
import type { Entry } from "./memory/types.js";
import { recall } from "./memory-entry.js";
import { serveOld } from "./stale.js";
import type { Found } from "./store.js";

/** The flight that brings the value: the one under way, or one of its own. */
export function join(engine: Engine, errand: Errand): Flight | Promise<Flight> {
  const current = errand.space.flights.get(errand.placeKey);
  if (current?.isCurrent !== true) return start(engine, errand, lookUp);
  errand.loadTogether?.leave();
  if (errand.aheadOfTime === undefined) current.isAskedFor = true;
  if (!current.isFilling) return current;
  // The load is over: whether the value still counts is known in a moment, and nobody who comes now should get another.
  return current.landing().then(() => join(engine, errand));
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
  // The usual cases, without the promises of the others: a value that is in the store, and one that is nowhere.
  const missing = (first: Found): void => {
    if (first.is !== "leased" || first.old !== undefined) return go(engine, { errand, flight, find, first });
    end(flight, loadInto(engine, { errand, flight, token: first.token }));
  };
  const onFound = (first: Found): void => {
    try {
      const outcome = settled(engine, { errand, flight }, first);
      if (outcome === undefined) return missing(first);
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
