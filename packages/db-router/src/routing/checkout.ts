import { channel } from "node:diagnostics_channel";
import type { FairGate } from "./fair-semaphore.js";
import { routeChoose } from "../events.js";
import { begun, undecided } from "../cluster/outlier-ejection.js";
import type { NodeEntry } from "../cluster/node-state.js";
import type { Fleet } from "../cluster/node-registry.js";
import type { Poller } from "../cluster/poller.js";
import { failureOf, isPoolFull } from "../postgres/failure.js";
import type { Scope } from "../consistency/scope.js";
import type { RouteRequest, PoolLike, PrimaryReason, Route, Checkout } from "../types.js";

/** What all places of a router share. */
export interface House {
  readonly name: string;
  readonly fleet: Fleet;
  readonly poller: Poller;
  /** Of the work that runs in no scope: it learns of every write. */
  readonly shared: Scope;
  readonly bulkhead: FairGate | undefined;
  readonly primaryReads: FairGate;
  readonly counts: Record<PrimaryReason | "read", number>;
}

// A look at the channel itself: publishing would make a closure for each place that nobody listens to.
const listeners = channel(routeChoose.name);

/** A place that is being looked for, and then held. A class: one is made for every statement. */
export class Place implements Checkout {
  readonly scope: Scope;
  readonly intent: RouteRequest["intent"];
  readonly tenantId: string | undefined;
  /** Its places in the gates, given back with it. */
  isCounted = false;
  isGuarded = false;
  route: Route;
  readonly #house: House;
  #entry: NodeEntry;
  #isOver = false;

  constructor(
    house: House,
    scope: Scope,
    { intent, tenantId }: { intent: RouteRequest["intent"]; tenantId: string | undefined },
  ) {
    this.#house = house;
    this.scope = scope;
    this.intent = intent;
    this.tenantId = tenantId;
    this.#entry = house.fleet.entries[0] as NodeEntry;
    this.route = this.#entry.readRoute;
  }

  get pool(): PoolLike {
    return this.#entry.node.pool;
  }

  /** The key of its tenant in the gates. */
  get key(): string {
    return this.tenantId ?? "";
  }

  take(entry: NodeEntry, route: Route): this {
    const { counts, fleet, name } = this.#house;
    this.#entry = entry;
    this.route = route;
    entry.inFlight += 1;
    entry.served += 1;
    counts[route.to === "replica" ? "read" : route.reason] += 1;
    if (route.to === "replica") {
      this.scope.settleOn(entry, fleet.tick);
      if (entry.health.is === "trial") {
        entry.health = begun(entry.health);
        entry.isServing = false;
      }
    }
    if (listeners.hasSubscribers) routeChoose.publish(() => ({ tenantId: this.tenantId, router: name, ...route }));
    return this;
  }

  release({ error, wrote }: { readonly error?: unknown; readonly wrote: boolean }): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const entry = this.#entry;
    entry.inFlight -= 1;
    // What failed may have been committed before the answer was lost.
    if (wrote || (error !== undefined && this.intent === "write")) this.noteCommit();
    if (error === undefined) this.#answered(entry);
    else this.#failed(entry, error);
    this.leave();
  }

  noteCommit(): void {
    const { fleet, shared } = this.#house;
    this.scope.wrote(fleet.tick);
    if (this.scope !== shared) shared.wrote(fleet.tick);
  }

  /** Gives its places in the gates back. */
  leave(): void {
    const { bulkhead, primaryReads } = this.#house;
    if (this.isGuarded) primaryReads.leave(this.key);
    if (this.isCounted) bulkhead?.leave(this.key);
    this.isGuarded = this.isCounted = false;
  }

  #answered(entry: NodeEntry): void {
    const { fleet } = this.#house;
    fleet.succeeded(entry);
    if (this.route.to === "replica") this.scope.readReplica(entry, fleet.tick);
    else this.scope.readPrimary(fleet.tick);
  }

  #failed(entry: NodeEntry, error: unknown): void {
    const { fleet, poller } = this.#house;
    const isReplica = this.route.to === "replica";
    entry.errors += 1;
    if (failureOf(error, isReplica) === "connection" && !isPoolFull(error)) {
      fleet.failed(entry);
      // Without its primary the router needs to know what has become of all the others.
      void (isReplica ? poller.poll(entry) : poller.round());
      return;
    }
    // It takes no writes any more: somebody else may.
    if (!isReplica && hasCode(error, "25006")) void poller.round();
    // An error of the statement is an answer of the server; one of our own pool says nothing of it.
    if (isPoolFull(error)) entry.health = undecided(entry.health);
    else fleet.succeeded(entry);
  }
}

const hasCode = (error: unknown, code: string): boolean =>
  typeof error === "object" && error !== null && "code" in error && error.code === code;
