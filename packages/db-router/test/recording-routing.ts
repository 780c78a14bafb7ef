import { AsyncLocalStorage } from "node:async_hooks";
import type { ContactsCluster, PostgresNode } from "@scale/testkit";
import { type PgNode, pgNode } from "../src/pg/index.js";
import type { Checkout, NodeLoss, Route, RouteRequest, Routing } from "../src/types.js";

/** A checkout and its outcome. */
export interface RecordedCheckout {
  readonly request: RouteRequest;
  readonly route: Route;
  readonly scope: object | undefined;
  outcome?: { readonly error?: unknown; readonly wrote: boolean };
  commits: number;
  reads: number;
}

/** A routing without health or lag, that uses replicas in turn and records every checkout. */
export interface RecordingRouting extends Routing {
  readonly checkouts: RecordedCheckout[];
  readonly writer: PgNode;
  readonly readers: readonly PgNode[];
  /** Nodes that served since the last call, in order. */
  served(): string[];
  primary<T>(work: () => T): T;
  replica<T>(work: () => T): T;
  /** Runs work in a session; `scope` identifies it. */
  within<T>(scope: object, work: () => T): T;
  scope(): object | undefined;
  /** Tells that a node is unreachable; its replies are awaited no more when the loss is final. */
  eject(node: string, isFinal?: boolean): void;
  end(): Promise<void>;
}

export function recordingRouting(primary: PgNode, replicas: readonly PgNode[]): RecordingRouting {
  const scopes = new AsyncLocalStorage<{ readonly pin?: "primary" | "replica"; readonly of: object | undefined }>();
  const listeners = new Set<(loss: NodeLoss) => void>();
  const checkouts: RecordedCheckout[] = [];
  const pools = new Map([primary, ...replicas].map(({ name, pool }) => [name, pool]));
  let turn = 0;

  function route(request: RouteRequest): Route {
    const pin = scopes.getStore()?.pin;
    const fit = replicas.filter(({ name }) => !request.except?.has(name));
    const reason = request.reason ?? (request.intent === "write" ? "write" : pin === "primary" ? "pinned" : undefined);
    if (reason !== undefined || fit.length === 0) {
      return { to: "primary", node: primary.name, reason: reason ?? "no-healthy-replica" };
    }
    const node = fit[turn++ % fit.length]?.name ?? "";
    return { to: "replica", node, reason: pin === "replica" ? "pinned" : "read", lagMs: 0 };
  }

  function checkout(request: RouteRequest): Checkout {
    const entry: RecordedCheckout = {
      request,
      route: route(request),
      scope: scopes.getStore()?.of,
      commits: 0,
      reads: 0,
    };
    checkouts.push(entry);
    const pool = pools.get(entry.route.node) ?? primary.pool;
    return {
      route: entry.route,
      pool,
      release: (outcome) => {
        if (entry.outcome !== undefined) throw new Error("a checkout was released twice");
        entry.outcome = outcome;
      },
      noteCommit: () => void entry.commits++,
      noteRead: () => void entry.reads++,
      isCurrent: () => true,
    };
  }

  return {
    checkouts,
    writer: primary,
    readers: replicas,
    checkout,
    served: () => checkouts.splice(0).map((entry) => entry.route.node),
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
    eject: (node, isFinal = false) => {
      const loss = { node, pool: pools.get(node) ?? primary.pool, isFinal, cause: new Error("unreachable") };
      for (const listener of listeners) listener(loss);
    },
    end: async () => {
      await Promise.all([primary, ...replicas].map(({ pool }) => pool.end()));
      if (checkouts.some(({ outcome }) => outcome === undefined)) throw new Error("a checkout was not released");
    },
  };
}

/** A recording routing over the nodes of a cluster. */
export function routingOf(cluster: ContactsCluster, database = "postgres"): RecordingRouting {
  const node = ({ name, urlOf }: PostgresNode): PgNode => {
    const config = { connectionString: urlOf(database), max: 8, min: 0 };
    return pgNode({ name, role: name === "primary" ? "primary" : "replica", config });
  };
  return recordingRouting(node(cluster.primary), cluster.replicas.map(node));
}
