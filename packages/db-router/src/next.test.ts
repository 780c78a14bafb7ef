import { afterEach, describe, expect, it } from "vitest";
import { dbSession } from "./next.js";
import { createRouter, type Router } from "./router.js";
import { scriptedNode } from "./testing/scripted-node.js";
import type { RouteRequest } from "./types.js";

const routers: Router[] = [];
afterEach(async () => {
  await Promise.all(routers.splice(0).map((router) => router.close()));
});

async function routed(): Promise<Router> {
  const primary = scriptedNode("p", { isStandby: false });
  const router = createRouter({ primary, replicas: [scriptedNode("a")], lag: { pollMs: 4_000 } });
  routers.push(router);
  await router.ready();
  primary.script.lsn = 0x2000;
  return router;
}

function sql(router: Router, need: RouteRequest): string {
  const seat = router.checkout(need);
  if (seat instanceof Promise) throw new Error("expected a place at once");
  seat.release({ wrote: need.intent === "write" });
  return seat.route.to;
}

describe("dbSession of a route handler", () => {
  it("tells writes by header and cookie, also on a redirect, and reads by nothing", async () => {
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
    expect(token).toMatch(/^v1\.7\.1\.0\/2000\./);
    expect(written.headers.get("set-cookie")).toContain(`scale_db=${token}`);
    expect(await written.json()).toEqual({ to: "primary" });
    expect((await POST(request(), { go: true })).headers.get("x-db-token")).toMatch(/\.0\/2000\./);
    const read = await GET(request({ "x-db-token": token }));
    expect([await read.json(), read.headers.get("x-db-token")]).toEqual([{ to: "primary" }, null]);
    expect(await (await GET(request())).json()).toEqual({ to: "replica" });
  });

  it("passes on what the handler throws", async () => {
    const router = await routed();
    const handler = dbSession(router, () => {
      throw new Error("mine");
    });
    await expect(handler(new Request("http://localhost/"))).rejects.toThrow("mine");
  });
});
