import { describe, expect, it } from "vitest";
import { type TokenRefused, tokenRefuse } from "./events.js";
import { systemClock } from "@scale/core";
import { createTokens } from "./consistency/token.js";
import { formatLsn } from "./postgres/lsn.js";
import { createRouter, type Router } from "./router.js";
import { scriptedNode } from "../test/scripted-node.js";
import { checkoutOf, closeAfterTest, connectionLost, routeOf, scriptedRouter } from "../test/scripted-router.js";

const secrets = ["the same secret of thirty-two characters"];

/** The position that a token carries, or why it is refused. */
function positionOf(token: string | undefined, tenantId?: string): string {
  const reading = createTokens({ secrets, ttlMs: 30_000, clock: systemClock }).read(token ?? "", tenantId);
  return typeof reading === "string" ? reading : formatLsn(reading.lsn);
}

describe("the tokens of a router", () => {
  it.each([
    ["malformed", "v1.nonsense", "malformed"],
    ["forged", "A".repeat(72), "forged"],
  ])("sends the reads of a %s token to the primary until replicas have all of before", async (_name, token, reason) => {
    const { router } = await scriptedRouter();
    const refused: TokenRefused[] = [];
    const stop = tokenRefuse.subscribe((event) => refused.push(event));
    await router.run({ token, tenantId: "acme" }, async () => {
      expect(routeOf(router)).toMatchObject({ to: "primary", reason: "recent-write" });
      await router.refresh();
      expect(routeOf(router)).toMatchObject({ to: "replica" });
    });
    stop();
    expect(refused).toEqual([{ tenantId: "acme", router: "db", reason }]);
  });

  it("refuses tokens of another cluster and of an older timeline without an error", async () => {
    const other = await scriptedRouter({ readYourWrites: { secrets } }, [scriptedNode("a")]);
    other.p.script.systemId = "8";
    const foreign = closeAfterTest(
      createRouter({
        primary: scriptedNode("x", { isStandby: false, systemId: "8" }),
        readYourWrites: { secrets },
      }),
    );
    await foreign.ready();
    const tokenOf = (router: Router): Promise<string | undefined> =>
      router.run({}, () => {
        routeOf(router, { intent: "write" });
        return router.token();
      });
    const { router, p, replicas } = await scriptedRouter({ readYourWrites: { secrets } });
    const refused: string[] = [];
    const stop = tokenRefuse.subscribe((event) => refused.push(event.reason));
    const own = await tokenOf(router);
    expect(router.run({ token: own }, () => routeOf(router))).toMatchObject({ to: "replica" });
    router.run({ token: await tokenOf(foreign) }, () => routeOf(router));
    for (const { script } of [p, ...replicas]) script.timeline = 2;
    await router.refresh();
    expect(router.run({ token: own }, () => routeOf(router))).toMatchObject({ to: "primary", reason: "recent-write" });
    expect(refused).toEqual(["other-system", "older-timeline"]);
    stop();
  });

  it("polls the primary once for concurrent tokens, and not at all when the position is known", async () => {
    const { router, p } = await scriptedRouter({ readYourWrites: { secrets }, clock: systemClock });
    const before = p.received.status.length;
    const tokens = await Promise.all(
      Array.from({ length: 50 }, () =>
        router.run({ startFresh: true }, async () => {
          routeOf(router, { intent: "write" });
          return router.token();
        }),
      ),
    );
    expect(p.received.status.length - before).toBeLessThanOrEqual(2);
    expect(new Set(tokens.map((token) => positionOf(token)))).toEqual(new Set(["0/3E8"]));
    expect(await router.run({ startFresh: true }, () => router.token())).toBeUndefined();
  });

  it("issues a token that requires everything when the primary cannot be polled", async () => {
    const { router, p } = await scriptedRouter({ readYourWrites: { secrets }, clock: systemClock });
    const token = await router.run({}, () => {
      routeOf(router, { intent: "write" });
      p.script.error = connectionLost;
      return router.token();
    });
    p.script.error = undefined;
    await router.refresh();
    expect(positionOf(token)).toBe("0/0");
    const known = await router.run({ token: await router.run({}, () => router.token()) }, async (session) => {
      const before = session.tokenNow();
      routeOf(router, { intent: "write" });
      return [before, session.tokenNow()].map((each) => positionOf(each));
    });
    expect(known).toEqual(["0/3E8", "0/0"]);
    p.script.lsn = 2_000;
    expect((await router.run({ token }, () => router.checkout({ intent: "read" }))).route).toMatchObject({
      reason: "recent-write",
    });
  });

  it("sends a read with a token without a position to a replica that has everything by now", async () => {
    const { router } = await scriptedRouter();
    const token = router.run({ startFresh: true }, (session) => {
      routeOf(router, { intent: "write" });
      return session.tokenNow();
    });
    const checkout = await router.run({ token }, () => router.checkout({ intent: "read" }));
    expect(checkout.route).toMatchObject({ to: "replica" });
    checkout.release({ wrote: false });
  });

  it("carry no position while a write is under way, however it ends", async () => {
    const { router } = await scriptedRouter({ readYourWrites: { secrets }, clock: systemClock });
    await router.run({ startFresh: true }, async (session) => {
      const states = (): [boolean, string] => [session.hasWritten, positionOf(session.tokenNow())];
      expect(states()).toEqual([false, "malformed"]);
      const first = checkoutOf(router, { intent: "write" });
      expect(states()).toEqual([true, "0/0"]);
      expect(positionOf(await session.token())).toBe("0/0");
      const nested = router.run({}, () => checkoutOf(router, { intent: "write", reason: "transaction" }));
      first.release({ wrote: true });
      await router.refresh();
      expect(states()).toEqual([true, "0/0"]);
      nested.release({ wrote: false });
      await router.refresh();
      expect(states()).toEqual([true, "0/3E8"]);
    });
    await router.close();
    await router.run({ startFresh: true }, (session) => {
      expect(() => router.checkout({ intent: "write" })).toThrow("is closed");
      expect(session.hasWritten).toBe(false);
    });
  });

  it("are bound to a tenant", async () => {
    const { router } = await scriptedRouter({ readYourWrites: { secrets }, clock: systemClock });
    const token = await router.run({ tenantId: "acme" }, () => {
      routeOf(router, { intent: "write" });
      return router.token();
    });
    expect([positionOf(token, "acme"), positionOf(token, "globex"), positionOf(token)]).toEqual([
      "0/3E8",
      "forged",
      "forged",
    ]);
  });

  it.each(["malformed", "A".repeat(72)])(
    "that prove nothing earn nothing when a client sends them: %s",
    async (token) => {
      const { router } = await scriptedRouter();
      const refused: string[] = [];
      const stop = tokenRefuse.subscribe(({ reason }) => refused.push(reason));
      const route = router.run({ token, whenRefused: "ignore" }, () => routeOf(router));
      stop();
      expect([route.to, refused.length]).toEqual(["replica", 1]);
      expect(router.stats().routes["recent-write"]).toBe(0);
    },
  );

  it("send few reads of one tenant to the primary at a time while replicas lag", async () => {
    const { router, p } = await scriptedRouter({
      readYourWrites: { secrets },
      clock: systemClock,
      limits: { primaryReads: { maxConcurrent: 3, perTenant: 2, waitMs: 30 } },
    });
    p.script.lsn = 5_000;
    const write = (): Promise<string | undefined> => {
      routeOf(router, { intent: "write" });
      return router.token();
    };
    const [ours, theirs] = [
      await router.run({ tenantId: "acme", startFresh: true }, write),
      await router.run({ tenantId: "globex", startFresh: true }, write),
    ];
    const read = async (tenantId: string, token: string | undefined): Promise<string> => {
      try {
        return (await router.run({ tenantId, token }, () => router.checkout({ intent: "read" }))).route.to;
      } catch (error) {
        return String(error);
      }
    };
    const reads = await Promise.all(Array.from({ length: 5 }, () => read("acme", ours)));
    expect(reads.filter((to) => to === "primary").length).toBe(2);
    expect(reads.filter((to) => to.includes("waited-too-long")).length).toBe(3);
    expect(await read("globex", theirs)).toBe("primary");
    // A session that has written itself is not limited: its writes are.
    await router.run({ tenantId: "acme", token: ours }, () => {
      routeOf(router, { intent: "write" });
      expect(routeOf(router).to).toBe("primary");
    });
  });
});
