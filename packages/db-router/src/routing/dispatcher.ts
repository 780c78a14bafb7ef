import { tenancy } from "@scale/core";
import type { FairGate } from "./fair-semaphore.js";
import type { Chooser } from "./replica-selector.js";
import { BusyError, ClosedError, NoPrimaryError } from "../errors.js";
import { bulkheadRefuse, bulkheadWait } from "../events.js";
import type { NodeEntry } from "../cluster/node-state.js";
import { type House, Place } from "./checkout.js";
import type { Scope, Scopes } from "../consistency/scope.js";
import type { RouteRequest, PrimaryReason } from "../types.js";
import type { Waiting } from "./change-waiter.js";
import { awaitReplica } from "./replica-catch-up.js";

export interface PlacingOptions {
  readonly house: House;
  readonly scopes: Scopes;
  readonly chooser: Chooser;
  readonly waiting: Waiting;
  /** Of a tenant; asked for each statement. */
  readonly limitOf: (tenantId: string) => number;
  /** How long a read waits for a replica, and a statement for a primary. */
  readonly waitMs: number;
  readonly failoverMs: number;
}

/** How long such a read waits at the most, once for each sample. */
const PAUSE_MS = 20;

/** Finds places. Nothing here asks a server. */
export class Placing {
  isClosed = false;
  readonly #options: PlacingOptions;

  constructor(options: PlacingOptions) {
    this.#options = options;
  }

  seat(need: RouteRequest): Place | Promise<Place> {
    const { house, scopes, limitOf } = this.#options;
    if (this.isClosed) throw new ClosedError(house.name);
    const tenantId = tenancy.current()?.tenantId;
    const place = new Place(house, scopes.current(), { intent: need.intent, tenantId });
    const { bulkhead } = house;
    if (bulkhead === undefined) return this.#find(place, need);
    // Work without a tenant has no share of its own: it is bounded by the total.
    if (!bulkhead.tryEnter(place.key, tenantId === undefined ? Infinity : limitOf(tenantId))) {
      return this.#queue(bulkhead, place).then(() => {
        place.isCounted = true;
        return this.#find(place, need);
      });
    }
    place.isCounted = true;
    return this.#find(place, need);
  }

  #find(place: Place, need: RouteRequest): Place | Promise<Place> {
    try {
      const found = this.#route(place, need);
      return found instanceof Place ? found : found.catch((error: unknown) => giveUp(place, error));
    } catch (error) {
      return giveUp(place, error);
    }
  }

  #route(place: Place, need: RouteRequest): Place | Promise<Place> {
    if (this.isClosed) throw new ClosedError(this.#options.house.name);
    if (need.intent === "write" || need.reason !== undefined) {
      return this.#onPrimary(place, need, need.reason ?? "write");
    }
    const { scope } = place;
    if (scope.pin === "primary") return this.#onPrimary(place, need, "pinned");
    if (scope.pin === undefined && scope.consistency === "strong") return this.#onPrimary(place, need, "strong");
    const entry = this.#replica(scope, need);
    if (entry !== undefined) return takeReplica(place, entry);
    const { house, waiting, waitMs } = this.#options;
    const isThere = house.fleet.entries.some((each) => isOpen(each, need));
    if (!isThere) return this.#instead(place, need);
    const ms = this.#isWorthPausing(scope, need) ? Math.max(waitMs, PAUSE_MS) : waitMs;
    if (ms === 0) return this.#onPrimary(place, need, "recent-write");
    const attempt = (): NodeEntry | undefined => this.#replica(scope, need);
    return awaitReplica({ house, waiting, scope, attempt, ms }).then((found) =>
      found === undefined ? this.#onPrimary(place, need, "recent-write") : takeReplica(place, found),
    );
  }

  /** A session in a loop leaves the primary only if one of its reads waits for a sample; not where replicas lag. */
  #isWorthPausing(scope: Scope, need: RouteRequest): boolean {
    const { fleet } = this.#options.house;
    if (!scope.isStuck(fleet)) return false;
    return fleet.entries.some((entry) => isOpen(entry, need) && entry.lsn >= fleet.sampleLsn);
  }

  #replica(scope: Scope, need: RouteRequest): NodeEntry | undefined {
    const { chooser, house } = this.#options;
    const { fleet } = house;
    const { seen } = scope;
    if (scope.consistency === "eventual") {
      if (scope.pin === "replica" && seen !== undefined && isOpen(seen, need)) return seen;
      return chooser.choose(fleet.entries, (entry) => isOpen(entry, need));
    }
    if (!scope.settle(fleet)) return undefined;
    // One session keeps to one replica while it may: what it has seen there it sees again.
    if (seen !== undefined && isOpen(seen, need) && scope.allows(seen, fleet)) return seen;
    return chooser.choose(fleet.entries, (entry) => isOpen(entry, need) && scope.allows(entry, fleet));
  }

  /** No replica may serve: the primary does, as far as it can. */
  #instead(place: Place, need: RouteRequest): Place | Promise<Place> {
    const { primaryReads, fleet } = this.#options.house;
    // Where there are no replicas, the primary is meant to serve all reads.
    if (fleet.entries.length < 2) return this.#onPrimary(place, need, "no-healthy-replica");
    if (primaryReads.tryEnter(place.key, Infinity)) {
      place.isGuarded = true;
      return this.#onPrimary(place, need, "no-healthy-replica");
    }
    return this.#queue(primaryReads, place).then(() => {
      place.isGuarded = true;
      return this.#onPrimary(place, need, "no-healthy-replica");
    });
  }

  #onPrimary(place: Place, need: RouteRequest, reason: PrimaryReason): Place | Promise<Place> {
    const { house, waiting, failoverMs } = this.#options;
    const attempt = (): Place | undefined => {
      const { writer } = house.fleet;
      if (writer === undefined || isTried(writer, need)) return undefined;
      return place.take(writer, writer.primaryRoute(reason));
    };
    const found = attempt();
    if (found !== undefined) return found;
    if (failoverMs === 0) throw new NoPrimaryError(house.name);
    return waiting.until({ ms: failoverMs, attempt }).then((later) => {
      if (later === undefined) throw new NoPrimaryError(house.name);
      return later;
    });
  }

  async #queue(gate: FairGate, { key, tenantId }: Place): Promise<void> {
    const { house } = this.#options;
    const about = { tenantId, router: house.name, what: gate.what };
    bulkheadWait.publish(() => about);
    try {
      await gate.enter(key);
    } catch (error) {
      if (error instanceof BusyError) bulkheadRefuse.publish(() => ({ ...about, reason: error.reason }));
      throw error;
    }
  }
}

const isOpen = (entry: NodeEntry, { except }: RouteRequest): boolean =>
  entry.isServing && (except === undefined || !except.has(entry.name));

/** A write that found no connection may try the same node again when that has answered since. */
function isTried(writer: NodeEntry, { except, intent }: RouteRequest): boolean {
  return except?.has(writer.name) === true && (intent === "read" || writer.reason !== undefined);
}

function takeReplica(place: Place, entry: NodeEntry): Place {
  return place.take(entry, place.scope.pin === "replica" ? entry.pinnedRoute : entry.readRoute);
}

function giveUp(place: Place, error: unknown): never {
  place.leave();
  throw error;
}
