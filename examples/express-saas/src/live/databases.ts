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
import type { Count, LiveData, NodeRow, PlaceRow, RouteReason } from "./data.js";
import { type Counter, createCounter } from "./tally.js";

/** Where statements went, and who waited for a place. */
export interface DatabaseBoard {
  read(): LiveData["database"];
  /** Ends the listening. */
  end(): void;
}

export interface DatabaseBoardOptions {
  readonly router: Pick<Router, "name" | "health">;
  readonly plans: Plans;
  /** Those that are known, with their plans. */
  readonly tenants: ReadonlyMap<string, { readonly plan: string }>;
  readonly clock: Clock;
}

interface Waits {
  readonly waits: Counter;
  readonly refused: Counter;
}

/** In the order of the page. */
const REASONS: readonly RouteReason[] = [
  ...(["read", "recent-write", "pinned", "no-healthy-replica", "conflict", "read-only-refused"] as const),
  ...(["write", "transaction"] as const),
];
/** Those that change something. The others are reads. */
const WRITES: ReadonlySet<string> = new Set<RouteReason>(["write", "transaction", "read-only-refused"]);
/** Nodes that have a counter: those that come and go by another name each time must not fill the memory. */
const MAX_NODES = 100;
/** Tenants that have counters. Further ones are in the sums alone. */
const MAX_TENANTS = 1000;
const SHOWN_TENANTS = 10;
const NONE: Count = { last: 0, total: 0 };

export function createDatabaseBoard({ router, plans, tenants, clock }: DatabaseBoardOptions): DatabaseBoard {
  const counter = (): Counter => createCounter(clock);
  const routes = new Map<string, Counter>(REASONS.map((reason) => [reason, counter()]));
  const readsOf = new Map<string, Counter>();
  const all: Waits & { readonly tokens: Counter } = { waits: counter(), refused: counter(), tokens: counter() };
  const waiting = new Map<string, Waits>();

  function routed({ node, reason, to }: RouteChosen): void {
    routes.get(to === "replica" ? "read" : reason)?.add();
    if (!WRITES.has(reason)) entryOf(readsOf, node, { most: MAX_NODES, make: counter })?.add();
  }

  function waited(what: keyof Waits, tenantId: string | undefined): void {
    all[what].add();
    const make = (): Waits => ({ waits: counter(), refused: counter() });
    if (tenantId !== undefined) entryOf(waiting, tenantId, { most: MAX_TENANTS, make })?.[what].add();
  }

  const isOurs = (event: { readonly router: string }): boolean => event.router === router.name;
  const subscriptions = [
    routeChoose.subscribe((route) => isOurs(route) && routed(route)),
    // Not those for reads on the primary while no replica serves: they are nobody's plan.
    bulkheadWait.subscribe((wait) => isOurs(wait) && wait.what === "tenant" && waited("waits", wait.tenantId)),
    bulkheadRefuse.subscribe((wait) => isOurs(wait) && wait.what === "tenant" && waited("refused", wait.tenantId)),
    tokenRefuse.subscribe((token) => isOurs(token) && all.tokens.add()),
  ];
  return {
    read() {
      const { isWritable, nodes } = router.health();
      return {
        isWritable,
        nodes: nodes.map((node) => nodeRow(node, readsOf.get(node.name)?.read())),
        routes: REASONS.map((reason) => ({ reason, count: routes.get(reason)?.read() ?? NONE })),
        tokensRefused: all.tokens.read(),
        waits: all.waits.read(),
        refused: all.refused.read(),
        tenants: placeRows(waiting, { plans, tenants }),
      };
    },
    end: () => subscriptions.forEach((end) => end()),
  };
}

/** That of a key, made when there is room for one more. */
function entryOf<Value>(
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

function placeRows(
  waiting: ReadonlyMap<string, Waits>,
  { plans, tenants }: Pick<DatabaseBoardOptions, "plans" | "tenants">,
): PlaceRow[] {
  const rows = [...waiting].map(([tenantId, { waits, refused }]): PlaceRow => {
    const plan = tenants.get(tenantId)?.plan ?? "";
    const places = plans.find(plan)?.database?.maxConnections ?? null;
    return { tenantId, plan, places, waits: waits.read(), refused: refused.read() };
  });
  return rows.sort((a, b) => b.waits.total - a.waits.total).slice(0, SHOWN_TENANTS);
}
