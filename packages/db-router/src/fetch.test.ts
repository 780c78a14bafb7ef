import { afterEach, describe, expect, it } from "vitest";
import { dbSession } from "./fetch.js";
import { dbSession as nextSession } from "./next.js";
import { systemClock } from "@scale/core";
import { createTokens } from "./consistency/token.js";
import { formatLsn } from "./postgres/lsn.js";
import { createRouter, type Router } from "./router.js";
import { scriptedNode } from "../test/scripted-node.js";
import type { RouteRequest } from "./types.js";

const routers: Router[] = [];
afterEach(async () => {
  await Promise.all(routers.splice(0).map((router) => router.close()));
});

const secrets = ["the same secret of thirty-two characters"];

function positionOf(token: string | null): string {
  const reading = createTokens({ secrets, ttlMs: 30_000, clock: systemClock }).read(token ?? "", undefined);
  return typeof reading === "string" ? reading : formatLsn(reading.lsn);
}

async function routed(): Promise<Router> {
  const primary = scriptedNode("p", { isStandby: false });
  const router = createRouter({
    primary,
    replicas: [scriptedNode("a")],
    lag: { pollMs: 4_000 },
    readYourWrites: { secrets },
  });
  routers.push(router);
  await router.ready();
  primary.script.lsn = 0x2000;
  return router;
}

function sql(router: Router, request: RouteRequest): string {
  const checkout = router.checkout(request);
  if (checkout instanceof Promise) throw new Error("expected an immediate checkout");
  checkout.release({ wrote: request.intent === "write" });
  return checkout.route.to;
}

describe("dbSession of a fetch handler", () => {
  it("sends a token after a write by header and cookie, also on a redirect, and none after reads", async () => {
    const router = await routed();
    const POST = dbSession(router, async (request: Request, context: { go: boolean }) => {
      sql(router, { intent: "write" });
      if (context.go) return Response.redirect(request.url, 302);
      return Response.json({ to: sql(router, { intent: "read" }) });
    });
    const GET = dbSession(router, (_request: Request) => Response.json({ to: sql(router, { intent: "read" }) }));
    const request = (headers: Record<string, string> = {}): Request => new Request("http://localhost/x", { headers });
    const written = await POST(request(), { go: false });
    const token = written.headers.get("x-db-token") as string;
    expect(positionOf(token)).toBe("0/2000");
    expect(written.headers.get("set-cookie")).toContain(`scale_db=${token}`);
    expect(await written.json()).toEqual({ to: "primary" });
    expect(positionOf((await POST(request(), { go: true })).headers.get("x-db-token"))).toBe("0/2000");
    const read = await GET(request({ "x-db-token": token }));
    expect([await read.json(), read.headers.get("x-db-token")]).toEqual([{ to: "primary" }, null]);
    expect(await (await GET(request())).json()).toEqual({ to: "replica" });
  });

  it("rejects with the error of the handler", async () => {
    const router = await routed();
    const handler = dbSession(router, () => {
      throw new Error("mine");
    });
    await expect(handler(new Request("http://localhost/"))).rejects.toThrow("mine");
  });

  it("sends a token with the response that Next makes of an error of redirect() and the like", async () => {
    const router = await routed();
    const answer = async (digest: string): Promise<[number, string | null, string]> => {
      const POST = nextSession(router, (_request: Request) => {
        sql(router, { intent: "write" });
        throw Object.assign(new Error("of Next"), { digest });
      });
      const response = await POST(new Request("http://localhost/"));
      return [response.status, response.headers.get("location"), positionOf(response.headers.get("x-db-token"))];
    };
    expect(await answer("NEXT_REDIRECT;replace;/a;b?c=1;307;")).toEqual([307, "/a;b?c=1", "0/2000"]);
    expect(await answer("NEXT_REDIRECT;push;https://x.test/;303;")).toEqual([303, "https://x.test/", "0/2000"]);
    expect(await answer("NEXT_HTTP_ERROR_FALLBACK;404")).toEqual([404, null, "0/2000"]);
    await expect(answer("DYNAMIC_SERVER_USAGE")).rejects.toThrow("of Next");
  });

  it("passes through the responses of Next's handlers", async () => {
    const router = await routed();
    const GET = nextSession(router, (_request: Request) => Response.json({ to: sql(router, { intent: "read" }) }));
    expect(await (await GET(new Request("http://localhost/"))).json()).toEqual({ to: "replica" });
  });
});
