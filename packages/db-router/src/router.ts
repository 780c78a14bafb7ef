import { ConfigError, tenancy } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { FairGate } from "./routing/fair-semaphore.js";
import { createChooser } from "./routing/replica-selector.js";
import { createDiscovery, type Discovery } from "./cluster/discovery.js";
import { Fleet } from "./cluster/node-registry.js";
import { createMembers } from "./cluster/membership.js";
import { createPoller } from "./cluster/poller.js";
import { isNode, type ParsedOptions, parseRouterOptions, type RouterOptions } from "./options.js";
import type { House } from "./routing/checkout.js";
import { Placing } from "./routing/dispatcher.js";
import { healthOf, type RouterHealth, type RouterStats, statsOf } from "./stats.js";
import { createScopes, Scope, type ScopeInit } from "./consistency/scope.js";
import { applyToken, createSession, type Session, type SessionContext } from "./consistency/session.js";
import { createTokens } from "./consistency/token.js";
import type { Consistency, DbNode, Routing } from "./types.js";
import { createWaiting } from "./routing/change-waiter.js";

export interface RunOptions {
  /** Of an earlier session: what that one wrote is seen in this one. One that is not good sends reads to the primary. */
  readonly token?: string | undefined;
  /** Runs the work for this tenant, as `tenancy.run` does. @default that of the current work */
  readonly tenantId?: string;
  /** @default that of the scope around it, or else the router's */
  readonly consistency?: Consistency;
  /**
   * True for a session that has nothing to do with what this process has written, such as a request that brought no
   * token. A scope with a token is one.
   * @default false
   */
  readonly startFresh?: boolean;
}

export interface Router extends Routing {
  readonly name: string;
  /**
   * Runs `work` in a scope of its own: it sees what was written in it, and never goes back in time. Work that runs in no
   * scope shares one, in which every write of the process sends all reads to the primary until replicas have it.
   * A query that `work` returns and nobody has awaited yet begins in the scope, and comes back as a promise.
   * A scope begins with what the one around it has seen, or the shared one unless it is a new session, and tells the one
   * around it what is written.
   */
  run<T>(options: RunOptions, work: (session: Session) => T): T;
  /** Runs `work` in a scope whose statements all go to the primary. */
  primary<T>(work: () => T): T;
  /** Runs `work` in a scope whose reads go to one replica while it has what the scope has written, whatever `consistency` is. */
  replica<T>(work: () => T): T;
  /** Which scope the current work runs in, to tell whether two pieces of work share one; `undefined` for the shared one. */
  scope(): object | undefined;
  /** A token for what the current scope has written, to be given to `run` elsewhere; see `Session`. */
  token(): Promise<string | undefined>;
  /** Resolves when every node has answered, or failed to, once. */
  ready(): Promise<void>;
  /** Asks every node now. */
  refresh(): Promise<void>;
  /** What every node is good for, as of the last poll. Asks no server. */
  health(): RouterHealth;
  stats(): RouterStats;
  /** Resolves when the node has been asked. It takes writes if it is the primary. */
  addReplica(node: DbNode): Promise<void>;
  /**
   * Gives the node nothing more, waits for what it has at most `drainMs` (5000), and ends its pool if it is owned.
   * @throws {ConfigError} for the node that takes writes
   */
  removeReplica(name: string, options?: { readonly drainMs?: number }): Promise<void>;
  /**
   * Refuses what comes, waits for what is under way at most `drainMs` (5000), and ends owned pools. May be called twice.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

const DRAIN_MS = 5_000;

/**
 * Sends reads to replicas that have what the reader wrote, and everything else to the primary. Polls begin at once.
 * @throws {ConfigError} that names the wrong option
 */
export function createRouter(options: RouterOptions): Router {
  const parsed = parseRouterOptions(options);
  const fleet = new Fleet(fleetOptions(parsed));
  const { pollMs, pollTimeoutMs } = parsed.lag;
  const poller = createPoller(fleet, { pollMs, timeoutMs: pollTimeoutMs, probeMs: parsed.health.probeMs });
  const members = createMembers(fleet, poller);
  const shared = new Scope(fleet, { consistency: parsed.consistency, isShared: true });
  const scopes = createScopes(shared);
  const house: House = { name: parsed.name, fleet, poller, shared, ...gates(parsed), counts: noCounts() };
  const waiting = createWaiting(fleet, poller);
  const placing = new Placing({
    house,
    scopes,
    waiting,
    chooser: createChooser(parsed.replicaSelection, parsed.zone),
    limitOf: limits(parsed),
    waitMs: parsed.readYourWrites.waitMs,
    failoverMs: parsed.failover.waitMs,
  });
  const { ttlMs } = parsed.readYourWrites;
  const tokens = createTokens({ secrets: parsed.secrets, ttlMs, clock: parsed.clock });
  const context: SessionContext = { fleet, poller, tokens };
  const discovery = discoveryOf(parsed, fleet, members);

  const first = poller.round();
  poller.start();
  let closed: Promise<void> | undefined;

  function scopeFor(init: Pick<RunOptions, "startFresh"> & Partial<Pick<ScopeInit, "consistency" | "pin">>): Scope {
    // A shared parent takes no part in a session that begins anew.
    const parent = init.startFresh === true ? scopes.own() : scopes.current();
    const consistency = init.consistency ?? parent?.consistency ?? parsed.consistency;
    return new Scope(fleet, { parent, consistency, pin: init.pin ?? parent?.pin });
  }

  function run<T>(
    { token, consistency, startFresh = token !== undefined }: Omit<RunOptions, "tenantId">,
    work: (session: Session) => T,
  ): T {
    const scope = scopeFor({ startFresh, ...(consistency && { consistency }) });
    if (token !== undefined) applyToken(context, scope, { token, tenantId: tenancy.current()?.tenantId });
    return scopes.run(scope, () => work(createSession(context, scope)));
  }

  return {
    name: parsed.name,
    checkout: (need) => placing.seat(need),
    primaryPool: () => (fleet.writer ?? fleet.entries[0] ?? { node: parsed.primary }).node.pool,
    pools: () => fleet.entries.map(({ node }) => node.pool),
    onEject: (listener) => fleet.onEject(listener),
    run({ tenantId, ...options }, work) {
      const isOther = tenantId !== undefined && tenantId !== tenancy.current()?.tenantId;
      return isOther ? tenancy.run({ tenantId }, () => run(options, work)) : run(options, work);
    },
    primary: (work) => scopes.run(scopeFor({ pin: "primary" }), work),
    replica: (work) => scopes.run(scopeFor({ pin: "replica" }), work),
    scope: () => scopes.own(),
    token: () => createSession(context, scopes.current()).token(),
    ready: () => first,
    refresh: () => poller.round(),
    health: () => healthOf(house),
    stats: () => statsOf(house),
    async addReplica(node) {
      if (!isNode(node))
        throw new ConfigError(`addReplica: expected a node such as pgNode makes, got ${describeValue(node)}`);
      if (fleet.find(node.name) !== undefined)
        throw new ConfigError(`addReplica: there is a node ${describeValue(node.name)}`);
      await members.add(node);
    },
    async removeReplica(name, { drainMs = DRAIN_MS } = {}) {
      if (fleet.writer?.name === name) throw new ConfigError(`removeReplica: ${describeValue(name)} takes writes`);
      await members.remove(name, drainMs);
    },
    close: ({ drainMs = DRAIN_MS } = {}) =>
      (closed ??= (async () => {
        placing.isClosed = true;
        discovery?.stop();
        waiting.close();
        await poller.stop();
        await members.close(drainMs);
      })()),
  };
}

function fleetOptions(parsed: ParsedOptions): ConstructorParameters<typeof Fleet>[0] {
  const { clock, health, lag, name, primary, random, replicas } = parsed;
  const { maxMs, maxBytes, minServing, pollMs, pollTimeoutMs } = lag;
  // Two turns, each at its latest and with a poll that takes as long as it may.
  const staleMs = 2 * (1.25 * pollMs + 2 * pollTimeoutMs);
  const fitness = { maxMs, maxBytes, staleMs, failures: health.failures };
  return { name, primary, replicas, fitness, health, minServing, clock, random };
}

function gates({ bulkhead, primaryReads }: ParsedOptions): Pick<House, "bulkhead" | "primaryReads"> {
  const { maxConcurrent, maxWaiting, onExceeded, waitMs } = primaryReads;
  return {
    bulkhead: bulkhead && new FairGate({ what: "tenant", ...bulkhead }),
    primaryReads: new FairGate({
      what: "primary-reads",
      total: maxConcurrent,
      maxWaiting: onExceeded === "shed" ? 0 : maxWaiting,
      waitMs,
    }),
  };
}

function limits({ bulkhead }: ParsedOptions): (tenantId: string) => number {
  const limit = bulkhead?.perTenant ?? Infinity;
  if (typeof limit !== "function") return () => limit;
  return (tenantId) => {
    const own: unknown = limit(tenantId);
    // Compared with anything else than a number, no count is ever too high.
    if (typeof own === "number" && own >= 0) return own;
    throw new ConfigError(
      `bulkhead.perTenant: expected a number for tenant ${describeValue(tenantId)}, got ${describeValue(own)}`,
    );
  };
}

function discoveryOf(
  parsed: ParsedOptions,
  fleet: Fleet,
  members: ReturnType<typeof createMembers>,
): Discovery | undefined {
  const { discover, discoverMs: everyMs } = parsed;
  return discover && createDiscovery(fleet, members, { discover, everyMs, drainMs: DRAIN_MS });
}

function noCounts(): House["counts"] {
  return {
    read: 0,
    write: 0,
    transaction: 0,
    pinned: 0,
    strong: 0,
    "recent-write": 0,
    "no-healthy-replica": 0,
    "read-only-refused": 0,
    conflict: 0,
  };
}
