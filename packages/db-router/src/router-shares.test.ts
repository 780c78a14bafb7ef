import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { type BulkheadRefused, bulkheadRefuse } from "./events.js";
import { scriptedNode } from "./testing/scripted-node.js";
import { connectionLost, placeOf, routeOf, scriptedRouter } from "./testing/scripted-router.js";

describe("the shares of a router", () => {
  it("bounds the reads that the primary takes over, and sheds or queues the rest", async () => {
    const replicas = [scriptedNode("a", { error: connectionLost })];
    const refused: BulkheadRefused[] = [];
    const stop = bulkheadRefuse.subscribe((event) => refused.push(event));
    const { router } = await scriptedRouter({ primaryReads: { maxConcurrent: 1, onExceeded: "shed" } }, replicas);
    const first = placeOf(router);
    await expect(router.checkout({ intent: "read" })).rejects.toMatchObject({
      code: "SCALE_BUSY",
      what: "primary-reads",
    });
    expect(refused).toMatchObject([{ what: "primary-reads", reason: "shed" }]);
    stop();
    // Writes are not such reads.
    expect(routeOf(router, { intent: "write" })).toMatchObject({ reason: "write" });
    first.release({ wrote: false });
    expect(router.stats().primaryReads).toEqual({ running: 0, waiting: 0 });
    const queueing = await scriptedRouter({ primaryReads: { maxConcurrent: 1 } }, [
      scriptedNode("a", { error: connectionLost }),
    ]);
    const held = placeOf(queueing.router);
    const waiting = queueing.router.checkout({ intent: "read" });
    expect(waiting).toBeInstanceOf(Promise);
    held.release({ wrote: false });
    (await waiting).release({ wrote: false });
  });

  it("gives each tenant its share, and serves others meanwhile", async () => {
    const limit = (tenantId: string): number => (tenantId === "big" ? 2 : 1);
    const { router } = await scriptedRouter({ bulkhead: { perTenant: limit, maxWaiting: 1, waitMs: 1_000 } });
    const as = <T>(tenantId: string, work: () => T): T => tenancy.run({ tenantId }, work);
    const held = [
      as("big", () => placeOf(router)),
      as("big", () => placeOf(router)),
      as("small", () => placeOf(router)),
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
    held.slice(1).forEach((seat) => seat.release({ wrote: false }));
    expect(router.stats().bulkhead).toEqual({ running: 0, waiting: 0 });
  });

  it("admits nobody by a limit that is not a number", async () => {
    const { router } = await scriptedRouter({ bulkhead: { perTenant: () => Number.NaN } });
    const ask = () => tenancy.run({ tenantId: "acme" }, () => router.checkout({ intent: "read" }));
    expect(ask).toThrow(expect.objectContaining({ code: "SCALE_CONFIG" }));
  });

  it("gives a tenant's share back when no node may serve", async () => {
    const { router, p } = await scriptedRouter({ bulkhead: { perTenant: 1 }, failover: { waitMs: 5 } }, []);
    p.script.error = connectionLost;
    await router.refresh();
    await expect(router.checkout({ intent: "write" })).rejects.toMatchObject({ code: "SCALE_NO_PRIMARY" });
    expect(router.stats().bulkhead).toEqual({ running: 0, waiting: 0 });
  });
});
