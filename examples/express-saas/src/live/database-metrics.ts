import type { Clock, Plans } from "@scale/core";
import {
  bulkheadRefuse,
  bulkheadWait,
  type NodeHealth,
  type RouteChosen,
  type Router,
  routeChoose,
  tokenRefuse,
} from "@scale/db-router";
import type { Count, LiveData, NodeRow, QueueRow, RouteReason } from "./live-data.js";
import { type Counter, createCounter } from "./counters.js";

/** Metrics of the database router for the live page: routes, and queued statements. */
export interface DatabaseMetrics {
  read(): LiveData["database"];
  /** Unsubscribes. */
  stop(): void;
}

export interface DatabaseMetricsOptions {
  readonly router: Pick<Router, "name" | "health">;
  readonly plans: Plans;
  /** Known tenants with their plans. */
  readonly tenants: ReadonlyMap<string, { readonly plan: string }>;
  readonly clock: Clock;
}

interface Waits {
  readonly waits: Counter;
  readonly refused: Counter;
}

/** In the order of the live page. */
const REASONS: readonly RouteReason[] = [
  ...(["read", "recent-write", "pinned", "no-healthy-replica", "conflict", "read-only-refused"] as const),
  ...(["write", "transaction"] as const),
];
/** Reasons of statements that write. All others are reads. */
const WRITES: ReadonlySet<string> = new Set<RouteReason>(["write", "transaction", "read-only-refused"]);
/** Maximum number of nodes with a counter, since discovered nodes may have a new name each time. */
const MAX_NODES = 100;
/** Maximum number of tenants with counters. Further tenants count in the sums only. */
const MAX_TENANTS = 1000;
const SHOWN_TENANTS = 10;
const NONE: Count = { last: 0, total: 0 };

export function createDatabaseMetrics({ router, plans, tenants, clock }: DatabaseMetricsOptions): DatabaseMetrics {
  const counter = (): Counter => createCounter(clock);
  const routes = new Map<string, Counter>(REASONS.map((reason) => [reason, counter()]));
  const readsByNode = new Map<string, Counter>();
  const totals: Waits & { readonly tokens: Counter } = { waits: counter(), refused: counter(), tokens: counter() };
  const waitsByTenant = new Map<string, Waits>();

  function countRoute({ node, reason, to }: RouteChosen): void {
    routes.get(to === "replica" ? "read" : reason)?.add();
    if (!WRITES.has(reason)) getOrAdd(readsByNode, node, { most: MAX_NODES, make: counter })?.add();
  }

  function countWait(what: keyof Waits, tenantId: string | undefined): void {
    totals[what].add();
    const make = (): Waits => ({ waits: counter(), refused: counter() });
    if (tenantId !== undefined) getOrAdd(waitsByTenant, tenantId, { most: MAX_TENANTS, make })?.[what].add();
  }

  const isOurs = (event: { readonly router: string }): boolean => event.router === router.name;
  const subscriptions = [
    routeChoose.subscribe((route) => isOurs(route) && countRoute(route)),
    // Only waits for the tenant's own concurrency, not the `primary-reads` limit, which is shared by all tenants.
    bulkheadWait.subscribe((wait) => isOurs(wait) && wait.what === "tenant" && countWait("waits", wait.tenantId)),
    bulkheadRefuse.subscribe((wait) => isOurs(wait) && wait.what === "tenant" && countWait("refused", wait.tenantId)),
    tokenRefuse.subscribe((token) => isOurs(token) && totals.tokens.add()),
  ];
  return {
    read() {
      const { isWritable, nodes } = router.health();
      return {
        isWritable,
        nodes: nodes.map((node) => nodeRow(node, readsByNode.get(node.name)?.read())),
        routes: REASONS.map((reason) => ({ reason, count: routes.get(reason)?.read() ?? NONE })),
        rejectedTokens: totals.tokens.read(),
        waits: totals.waits.read(),
        refused: totals.refused.read(),
        tenants: queueRows(waitsByTenant, { plans, tenants }),
      };
    },
    stop: () => subscriptions.forEach((end) => end()),
  };
}

/** Returns the value of the key. Adds one when the map has fewer than `most` entries. */
function getOrAdd<Value>(
  map: Map<string, Value>,
  key: string,
  { most, make }: { readonly most: number; readonly make: () => Value },
): Value | undefined {
  const known = map.get(key);
  if (known !== undefined || map.size >= most) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function nodeRow(node: NodeHealth, reads: Count = NONE): NodeRow {
  const { name, role, serves, inFlight, pool } = node;
  // JSON has no undefined.
  const { reason = null, lagBytes = null, lagMs = null } = node;
  const connections = { busy: pool.total - pool.idle, open: pool.total, waiting: pool.waiting };
  return { name, role, serves, reason, lagBytes, lagMs, inFlight, connections, reads };
}

function queueRows(
  waiting: ReadonlyMap<string, Waits>,
  { plans, tenants }: Pick<DatabaseMetricsOptions, "plans" | "tenants">,
): QueueRow[] {
  const rows = [...waiting].map(([tenantId, { waits, refused }]): QueueRow => {
    const plan = tenants.get(tenantId)?.plan ?? "";
    const maxConcurrency = plans.find(plan)?.database?.maxConnections ?? null;
    return { tenantId, plan, maxConcurrency, waits: waits.read(), refused: refused.read() };
  });
  return rows.sort((a, b) => b.waits.total - a.waits.total).slice(0, SHOWN_TENANTS);
}
