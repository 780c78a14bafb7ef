import { type TestServer, listen } from "@scale/http/testing";
import express, { type Request, type Response } from "express";
import { afterEach, describe, expect, it } from "vitest";
import { dbSession } from "./express.js";
import { createRouter, type Router } from "./router.js";
import { scriptedNode } from "../test/scripted-node.js";
import type { RouteRequest } from "./types.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const secrets = ["the same secret of thirty-two characters"];

function sql(router: Router, request: RouteRequest): string {
  const checkout = router.checkout(request);
  if (checkout instanceof Promise) throw new Error("expected an immediate checkout");
  checkout.release({ wrote: request.intent === "write" });
  return checkout.route.to;
}

/** Two processes of one application over one cluster. They do not share positions. */
async function application(): Promise<{ home: TestServer; primary: ReturnType<typeof scriptedNode> }> {
  const primary = scriptedNode("p", { isStandby: false });
  const router = createRouter({
    primary,
    replicas: [scriptedNode("a")],
    readYourWrites: { secrets },
    lag: { pollMs: 4_000 },
  });
  await router.ready();
  const app = express();
  app.use(dbSession(router));
  const write = (): void => void sql(router, { intent: "write" });
  app.get("/read", (_request, response) => void response.send(sql(router, { intent: "read" })));
  app.post("/json", (_request, response) => {
    write();
    response.json({ read: sql(router, { intent: "read" }) });
  });
  app.post("/later", async (_request, response) => {
    await new Promise((resolve) => setImmediate(resolve));
    write();
    response.status(201).set("x-own", "1").end("done");
  });
  app.post("/stream", (_request: Request, response: Response) => {
    write();
    response.writeHead(200, { "content-type": "text/plain" });
    response.write("one ");
    response.end("two");
  });
  app.post("/redirect", (_request, response) => {
    write();
    response.redirect("/read");
  });
  app.post("/after", (_request, response) => {
    response.write("begun ");
    write();
    response.end("ended");
  });
  app.post("/cookie", (_request, response) => {
    write();
    response.cookie("own", "1").sendStatus(204);
  });
  const home = await listen(app);
  open.push(home, router);
  return { home, primary };
}

const post = (home: TestServer, path: string): ReturnType<typeof fetch> =>
  fetch(home.url + path, { method: "POST", redirect: "manual" });

describe("dbSession of Express, over HTTP", () => {
  it("sends a token to the client that wrote, and to no other", async () => {
    const { home, primary } = await application();
    primary.script.lsn = 0x2000;
    const written = await post(home, "/json");
    const token = written.headers.get("x-db-token");
    expect(token).toMatch(/^v1\.7\.1\.0\/2000\./);
    expect(written.headers.get("set-cookie")).toMatch(/^scale_db=v1\.7\.1\.0\/2000\..*HttpOnly; SameSite=Lax; Secure$/);
    expect(await written.json()).toEqual({ read: "primary" });
    const read = async (headers: Record<string, string>): Promise<[string, string | null]> => {
      const response = await fetch(`${home.url}/read`, { headers });
      return [await response.text(), response.headers.get("x-db-token")];
    };
    expect(await read({ "x-db-token": token as string })).toEqual(["primary", null]);
    expect(await read({ cookie: `scale_db=${token}` })).toEqual(["primary", null]);
    expect(await read({})).toEqual(["replica", null]);
  });

  it.each(["/json", "/later", "/redirect", "/cookie"])(
    "sends a token with a position when %s ends in one piece",
    async (path) => {
      const { home, primary } = await application();
      primary.script.lsn = 0x3000;
      expect((await post(home, path)).headers.get("x-db-token")).toMatch(/\.0\/3000\./);
    },
  );

  it("changes nothing else in a response", async () => {
    const { home } = await application();
    const [later, redirect, cookie] = [
      await post(home, "/later"),
      await post(home, "/redirect"),
      await post(home, "/cookie"),
    ];
    expect([later.status, later.headers.get("x-own"), await later.text()]).toEqual([201, "1", "done"]);
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "/read"]);
    expect(cookie.headers.getSetCookie().map((line) => line.split("=")[0])).toEqual(["own", "scale_db"]);
  });

  it("sends a token without a position when the headers cannot wait", async () => {
    const { home } = await application();
    const response = await post(home, "/stream");
    const token = response.headers.get("x-db-token");
    expect(token).toMatch(/^v1\.7\.1\.0\/0\./);
    expect(await response.text()).toBe("one two");
    const read = await fetch(`${home.url}/read`, { headers: { "x-db-token": token as string } });
    expect(await read.text()).toBe("primary");
  });

  it("does not change a response that began before the write", async () => {
    const { home } = await application();
    const response = await post(home, "/after");
    expect([response.headers.get("x-db-token"), await response.text()]).toEqual([null, "begun ended"]);
  });
});
