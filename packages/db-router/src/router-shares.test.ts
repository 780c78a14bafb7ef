import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { type BulkheadRefused, bulkheadRefuse } from "./events.js";
import { scriptedNode } from "../test/scripted-node.js";
import { connectionLost, checkoutOf, routeOf, scriptedRouter } from "../test/scripted-router.js";

describe("the limits of a router", () => {
  it("limits the fallback reads on the primary, and sheds or queues the rest", async () => {
    const replicas = [scriptedNode("a", { error: connectionLost })];
    const refused: BulkheadRefused[] = [];
    const stop = bulkheadRefuse.subscribe((event) => refused.push(event));
    const { router } = await scriptedRouter(
      { limits: { primaryReads: { maxConcurrent: 1, onExceeded: "shed" } } },
      replicas,
    );
    const first = checkoutOf(router);
    await expect(router.checkout({ intent: "read" })).rejects.toMatchObject({
      code: "SCALE_BUSY",
      what: "primary-reads",
    });
    expect(refused).toMatchObject([{ what: "primary-reads", reason: "shed" }]);
    stop();
    // Writes are not limited.
    expect(routeOf(router, { intent: "write" })).toMatchObject({ reason: "write" });
    first.release({ wrote: false });
    expect(router.stats().primaryReads).toEqual({ running: 0, waiting: 0 });
    const queueing = await scriptedRouter({ limits: { primaryReads: { maxConcurrent: 1 } } }, [
      scriptedNode("a", { error: connectionLost }),
    ]);
    const held = checkoutOf(queueing.router);
    const waiting = queueing.router.checkout({ intent: "read" });
    expect(waiting).toBeInstanceOf(Promise);
    held.release({ wrote: false });
    (await waiting).release({ wrote: false });
  });

  it("limits each tenant, and serves the others meanwhile", async () => {
    const limit = (tenantId: string): number => (tenantId === "big" ? 2 : 1);
    const { router } = await scriptedRouter({
      limits: { bulkhead: { perTenant: limit, maxWaiting: 1, waitMs: 1_000 } },
    });
    const as = <T>(tenantId: string, work: () => T): T => tenancy.run({ tenantId }, work);
    const held = [
      as("big", () => checkoutOf(router)),
      as("big", () => checkoutOf(router)),
      as("small", () => checkoutOf(router)),
    ];
    const waiting = as("big", () => router.checkout({ intent: "write" }));
    expect(waiting).toBeInstanceOf(Promise);
    await expect(as("big", () => router.checkout({ intent: "read" }))).rejects.toMatchObject({
      code: "SCALE_BUSY",
      what: "tenant",
    });
    expect(as("other", () => routeOf(router))).toMatchObject({ to: "replica" });
    expect(routeOf(router)).toMatchObject({ to: "replica" });
    held[0]!.release({ wrote: false });
    (await waiting).release({ wrote: true });
    held.slice(1).forEach((checkout) => checkout.release({ wrote: false }));
    expect(router.stats().bulkhead).toEqual({ running: 0, waiting: 0 });
  });

  it("rejects statements when the limit is not a number", async () => {
    const { router } = await scriptedRouter({ limits: { bulkhead: { perTenant: () => Number.NaN } } });
    const ask = () => tenancy.run({ tenantId: "acme" }, () => router.checkout({ intent: "read" }));
    expect(ask).toThrow(expect.objectContaining({ code: "SCALE_CONFIG" }));
  });

  it("releases the tenant's permit when no node may serve", async () => {
    const { router, p } = await scriptedRouter({ limits: { bulkhead: { perTenant: 1 } }, failover: { waitMs: 5 } }, []);
    p.script.error = connectionLost;
    await router.refresh();
    await expect(router.checkout({ intent: "write" })).rejects.toMatchObject({ code: "SCALE_NO_PRIMARY" });
    expect(router.stats().bulkhead).toEqual({ running: 0, waiting: 0 });
  });
});
