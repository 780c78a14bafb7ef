import { createManualClock, type ManualClock } from "@scale/core/testing";
import {
  bulkheadRefuse,
  bulkheadWait,
  type NodeHealth,
  type Route,
  type RouterHealth,
  routeChoose,
  tokenRefuse,
} from "@scale/db-router";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { plans } from "../scale.plan.js";
import { createDatabaseMetrics, type DatabaseMetrics } from "./database-metrics.js";

const primary: NodeHealth = {
  name: "primary",
  role: "primary",
  serves: "writes",
  reason: undefined,
  error: undefined,
  timeline: 1,
  lagBytes: undefined,
  lagMs: undefined,
  inFlight: 1,
  pool: { total: 5, idle: 3, waiting: 0 },
};
const replica: NodeHealth = {
  ...primary,
  ...{ name: "replica-1", role: "replica", serves: "nothing", reason: "lagging", lagBytes: 4096, lagMs: 6000 },
};
const health: RouterHealth = {
  ...{ name: "crm", isWritable: true, isReadable: true, primary: "primary", systemId: "7", timeline: 1 },
  nodes: [primary, replica],
};

describe("createDatabaseMetrics", () => {
  let clock: ManualClock;
  let metrics: DatabaseMetrics;
  beforeEach(() => {
    clock = createManualClock();
    const tenants = new Map([["acme", { plan: "free" }]]);
    metrics = createDatabaseMetrics({ router: { name: "crm", health: () => health }, plans, tenants, clock });
  });
  afterEach(() => metrics.stop());

  const toReplica: Route = { to: "replica", node: "replica-1", reason: "read", lagMs: 0 };
  const toPrimary = (reason: Extract<Route, { to: "primary" }>["reason"]): Route => {
    return { to: "primary", node: "primary", reason };
  };
  const route = (to: Route, router = "crm"): void => routeChoose.publish(() => ({ tenantId: "acme", router, ...to }));
  const wait = (tenantId: string | undefined, what: "tenant" | "primary-reads" = "tenant"): void =>
    bulkheadWait.publish(() => ({ tenantId, router: "crm", what }));
  const counts = (): Record<string, number> =>
    Object.fromEntries(metrics.read().routes.map(({ reason, count }) => [reason, count.last]));

  it("counts routes by reason, and reads by server", () => {
    for (const to of [toReplica, toReplica, toPrimary("recent-write"), toPrimary("pinned")]) route(to);
    for (const reason of ["write", "transaction", "read-only-refused"] as const) route(toPrimary(reason));
    expect(counts()).toMatchObject({ read: 2, "recent-write": 1, pinned: 1, write: 1, transaction: 1, conflict: 0 });
    expect(metrics.read().nodes.map(({ name, reads }) => [name, reads.last])).toEqual([
      ["primary", 2],
      ["replica-1", 2],
    ]);
    clock.advance(60_000);
    expect(counts()).toMatchObject({ read: 0 });
    expect(metrics.read().nodes[1]?.reads).toEqual({ last: 0, total: 2 });
  });

  it("counts a read pinned to a replica as a replica read", () => {
    route({ to: "replica", node: "replica-1", reason: "pinned", lagMs: 0 });
    expect(counts()).toMatchObject({ read: 1, pinned: 0 });
  });

  it("ignores events of other routers", () => {
    route(toReplica, "billing");
    expect(counts()).toMatchObject({ read: 0 });
  });

  it("reports state, eject reason and lag of each server", () => {
    expect(metrics.read()).toMatchObject({
      isWritable: true,
      nodes: [
        { name: "primary", serves: "writes", reason: null, lagMs: null, connections: { busy: 2, open: 5 } },
        { name: "replica-1", serves: "nothing", reason: "lagging", lagBytes: 4096, lagMs: 6000 },
      ],
    });
  });

  it("counts queued statements and queue timeouts by tenant", () => {
    for (const tenantId of ["acme", "globex", "acme"]) wait(tenantId);
    wait("acme", "primary-reads");
    const refused = { router: "crm", what: "tenant", reason: "queue-full" } as const;
    bulkheadRefuse.publish(() => ({ tenantId: "globex", ...refused }));
    const { waits, refused: none, tenants } = metrics.read();
    expect([waits.total, none.total]).toEqual([3, 1]);
    expect(tenants).toEqual([
      {
        tenantId: "acme",
        plan: "free",
        maxConcurrency: 2,
        waits: { last: 2, total: 2 },
        refused: { last: 0, total: 0 },
      },
      {
        tenantId: "globex",
        plan: "",
        maxConcurrency: null,
        waits: { last: 1, total: 1 },
        refused: { last: 1, total: 1 },
      },
    ]);
  });

  it("keeps a thousand tenants and shows ten", () => {
    for (let n = 0; n < 1500; n++) wait(`tenant-${n}`);
    for (const id of ["tenant-1400", "tenant-1400", "tenant-7"]) wait(id);
    const { waits, tenants } = metrics.read();
    expect(waits.total).toBe(1503);
    expect(tenants).toHaveLength(10);
    // Tenant 1400 came after the limit and has no row.
    expect(tenants[0]).toMatchObject({ tenantId: "tenant-7", waits: { total: 2 } });
  });

  it("counts rejected tokens until it is stopped", () => {
    const token = { tenantId: "acme", router: "crm", reason: "expired" } as const;
    tokenRefuse.publish(() => token);
    metrics.stop();
    tokenRefuse.publish(() => token);
    route(toReplica);
    expect(metrics.read().rejectedTokens.total).toBe(1);
    expect(counts()).toMatchObject({ read: 0 });
  });
});
