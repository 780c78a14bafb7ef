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

describe("createDatabaseBoard", () => {
  let clock: ManualClock;
  let board: DatabaseMetrics;
  beforeEach(() => {
    clock = createManualClock();
    const tenants = new Map([["acme", { plan: "free" }]]);
    board = createDatabaseMetrics({ router: { name: "crm", health: () => health }, plans, tenants, clock });
  });
  afterEach(() => board.stop());

  const toReplica: Route = { to: "replica", node: "replica-1", reason: "read", lagMs: 0 };
  const toPrimary = (reason: Extract<Route, { to: "primary" }>["reason"]): Route => {
    return { to: "primary", node: "primary", reason };
  };
  const route = (to: Route, router = "crm"): void => routeChoose.publish(() => ({ tenantId: "acme", router, ...to }));
  const wait = (tenantId: string | undefined, what: "tenant" | "primary-reads" = "tenant"): void =>
    bulkheadWait.publish(() => ({ tenantId, router: "crm", what }));
  const counts = (): Record<string, number> =>
    Object.fromEntries(board.read().routes.map(({ reason, count }) => [reason, count.last]));

  it("counts routes by reason, and the reads of each server", () => {
    for (const to of [toReplica, toReplica, toPrimary("recent-write"), toPrimary("pinned")]) route(to);
    for (const reason of ["write", "transaction", "read-only-refused"] as const) route(toPrimary(reason));
    expect(counts()).toMatchObject({ read: 2, "recent-write": 1, pinned: 1, write: 1, transaction: 1, conflict: 0 });
    expect(board.read().nodes.map(({ name, reads }) => [name, reads.last])).toEqual([
      ["primary", 2],
      ["replica-1", 2],
    ]);
    clock.advance(60_000);
    expect(counts()).toMatchObject({ read: 0 });
    expect(board.read().nodes[1]?.reads).toEqual({ last: 0, total: 2 });
  });

  it("counts a read that was pinned to a replica as one of a replica", () => {
    route({ to: "replica", node: "replica-1", reason: "pinned", lagMs: 0 });
    expect(counts()).toMatchObject({ read: 1, pinned: 0 });
  });

  it("leaves out what another router did", () => {
    route(toReplica, "billing");
    expect(counts()).toMatchObject({ read: 0 });
  });

  it("tells of each server what it does, why it does nothing, and how far behind it is", () => {
    expect(board.read()).toMatchObject({
      isWritable: true,
      nodes: [
        { name: "primary", serves: "writes", reason: null, lagMs: null, connections: { busy: 2, open: 5 } },
        { name: "replica-1", serves: "nothing", reason: "lagging", lagBytes: 4096, lagMs: 6000 },
      ],
    });
  });

  it("counts who waited for a place of the plan, and who got none", () => {
    for (const tenantId of ["acme", "globex", "acme"]) wait(tenantId);
    wait("acme", "primary-reads");
    const refused = { router: "crm", what: "tenant", reason: "queue-full" } as const;
    bulkheadRefuse.publish(() => ({ tenantId: "globex", ...refused }));
    const { waits, refused: none, tenants } = board.read();
    expect([waits.total, none.total]).toEqual([3, 1]);
    expect(tenants).toEqual([
      { tenantId: "acme", plan: "free", places: 2, waits: { last: 2, total: 2 }, refused: { last: 0, total: 0 } },
      { tenantId: "globex", plan: "", places: null, waits: { last: 1, total: 1 }, refused: { last: 1, total: 1 } },
    ]);
  });

  it("keeps a thousand tenants, and shows ten", () => {
    for (let n = 0; n < 1500; n++) wait(`tenant-${n}`);
    for (const id of ["tenant-1400", "tenant-1400", "tenant-7"]) wait(id);
    const { waits, tenants } = board.read();
    expect(waits.total).toBe(1503);
    expect(tenants).toHaveLength(10);
    // Number 1400 came too late for a row.
    expect(tenants[0]).toMatchObject({ tenantId: "tenant-7", waits: { total: 2 } });
  });

  it("counts tokens that said nothing, until it is ended", () => {
    const token = { tenantId: "acme", router: "crm", reason: "expired" } as const;
    tokenRefuse.publish(() => token);
    board.stop();
    tokenRefuse.publish(() => token);
    route(toReplica);
    expect(board.read().rejectedTokens.total).toBe(1);
    expect(counts()).toMatchObject({ read: 0 });
  });
});
