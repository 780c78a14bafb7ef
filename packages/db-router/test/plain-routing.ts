import { AsyncLocalStorage } from "node:async_hooks";
import type { ContactsCluster, PostgresNode } from "@scale/testkit";
import { type PgNode, pgNode } from "../src/pg/index.js";
import type { RouteRequest, Route, Routing, Checkout } from "../src/types.js";

/** What became of one seat. */
export interface Taken {
  readonly need: RouteRequest;
  readonly route: Route;
  readonly scope: object | undefined;
  outcome?: { readonly error?: unknown; readonly wrote: boolean };
  commits: number;
}

/** A routing without health, lag or memory, that replicas take turns in, and that tells what it was asked. */
export interface PlainRouting extends Routing {
  readonly taken: Taken[];
  readonly writer: PgNode;
  readonly readers: readonly PgNode[];
  /** Nodes in the order in which they served since the last call. */
  served(): string[];
  primary<T>(work: () => T): T;
  replica<T>(work: () => T): T;
  /** A session of its own: what runs in it has this as its scope. */
  within<T>(scope: object, work: () => T): T;
  scope(): object | undefined;
  eject(node: string): void;
  end(): Promise<void>;
}

export function plainRouting(primary: PgNode, replicas: readonly PgNode[]): PlainRouting {
  const scopes = new AsyncLocalStorage<{ readonly pin?: "primary" | "replica"; readonly of: object | undefined }>();
  const listeners = new Set<(node: string) => void>();
  const taken: Taken[] = [];
  const pools = new Map([primary, ...replicas].map(({ name, pool }) => [name, pool]));
  let turn = 0;

  function route(need: RouteRequest): Route {
    const pin = scopes.getStore()?.pin;
    const fit = replicas.filter(({ name }) => !need.except?.has(name));
    const reason = need.reason ?? (need.intent === "write" ? "write" : pin === "primary" ? "pinned" : undefined);
    if (reason !== undefined || fit.length === 0) {
      return { to: "primary", node: primary.name, reason: reason ?? "no-healthy-replica" };
    }
    const node = fit[turn++ % fit.length]?.name ?? "";
    return { to: "replica", node, reason: pin === "replica" ? "pinned" : "read", lagMs: 0 };
  }

  function checkout(need: RouteRequest): Checkout {
    const entry: Taken = { need, route: route(need), scope: scopes.getStore()?.of, commits: 0 };
    taken.push(entry);
    const pool = pools.get(entry.route.node) ?? primary.pool;
    return {
      route: entry.route,
      pool,
      release: (outcome) => {
        if (entry.outcome !== undefined) throw new Error("a seat was given back twice");
        entry.outcome = outcome;
      },
      noteCommit: () => void entry.commits++,
    };
  }

  return {
    taken,
    writer: primary,
    readers: replicas,
    checkout,
    served: () => taken.splice(0).map((entry) => entry.route.node),
    primary: (work) => scopes.run({ pin: "primary", of: scopes.getStore()?.of }, work),
    replica: (work) => scopes.run({ pin: "replica", of: scopes.getStore()?.of }, work),
    within: (of, work) => scopes.run({ of }, work),
    scope: () => scopes.getStore(),
    primaryPool: () => primary.pool,
    pools: () => [primary, ...replicas].map(({ pool }) => pool),
    onEject: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    eject: (node) => listeners.forEach((listener) => listener(node)),
    end: async () => {
      await Promise.all([primary, ...replicas].map(({ pool }) => pool.end()));
      if (taken.some(({ outcome }) => outcome === undefined)) throw new Error("a seat was not given back");
    },
  };
}

/** One over the nodes of a cluster, in the database `app` or the one named. */
export function routingOf(cluster: ContactsCluster, database = "postgres"): PlainRouting {
  const node = ({ name, urlOf }: PostgresNode): PgNode => {
    const config = { connectionString: urlOf(database), max: 8, min: 0 };
    return pgNode({ name, role: name === "primary" ? "primary" : "replica", config });
  };
  return plainRouting(node(cluster.primary), cluster.replicas.map(node));
}
