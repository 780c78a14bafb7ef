import { describe, expect, it } from "vitest";
import { type TokenRefused, tokenRefuse } from "./events.js";
import { createRouter, type Router } from "./router.js";
import { scriptedNode } from "../test/scripted-node.js";
import { closeAfterTest, connectionLost, routeOf, scriptedRouter } from "../test/scripted-router.js";

describe("the tokens of a router", () => {
  it.each([
    ["malformed", "v1.nonsense", "malformed"],
    ["forged", `v1.7.1.0/100.99999999999.${"A".repeat(43)}`, "forged"],
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
    const secrets = ["the same secret of thirty-two characters"];
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
    const { router, p } = await scriptedRouter();
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
    expect(new Set(tokens.map((token) => token?.split(".")[3]))).toEqual(new Set(["0/3E8"]));
    expect(await router.run({ startFresh: true }, () => router.token())).toBeUndefined();
  });

  it("issues a token that requires everything when the primary cannot be polled", async () => {
    const { router, p } = await scriptedRouter();
    const token = await router.run({}, () => {
      routeOf(router, { intent: "write" });
      p.script.error = connectionLost;
      return router.token();
    });
    p.script.error = undefined;
    await router.refresh();
    expect(token?.split(".")[3]).toBe("0/0");
    const known = await router.run({ token: await router.run({}, () => router.token()) }, async (session) => {
      const before = session.tokenNow();
      routeOf(router, { intent: "write" });
      return [before, session.tokenNow()].map((each) => each?.split(".")[3]);
    });
    expect(known).toEqual(["0/3E8", "0/0"]);
    expect(router.run({ token }, () => routeOf(router))).toMatchObject({ reason: "recent-write" });
  });
});
