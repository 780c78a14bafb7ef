import { type TestServer, listen } from "@scale/http/testing";
import express, { type Request, type Response } from "express";
import { afterEach, describe, expect, it } from "vitest";
import { dbSession } from "./express.js";
import { systemClock } from "@scale/core";
import { createTokens } from "./consistency/token.js";
import { formatLsn } from "./postgres/lsn.js";
import { createRouter, type Router } from "./router.js";
import { scriptedNode } from "../test/scripted-node.js";
import type { RouteRequest } from "./types.js";

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

const secrets = ["the same secret of thirty-two characters"];

async function sql(router: Router, request: RouteRequest): Promise<string> {
  const checkout = await router.checkout(request);
  checkout.release({ wrote: request.intent === "write" });
  return checkout.route.to;
}

function positionOf(token: string | null): string | null {
  if (token === null) return null;
  const reading = createTokens({ secrets, ttlMs: 30_000, clock: systemClock }).read(token, undefined);
  return typeof reading === "string" ? reading : formatLsn(reading.lsn);
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
  const write = (): Promise<string> => sql(router, { intent: "write" });
  const read = (): Promise<string> => sql(router, { intent: "read" });
  app.get("/read", async (_request, response) => void response.send(await read()));
  app.get("/polled", async (_request, response) => {
    await write();
    await router.refresh();
    response.json({});
  });
  app.post("/json", async (_request, response) => {
    await write();
    response.json({ read: await read() });
  });
  app.post("/only-reads", async (_request, response) => void response.send(await read()));
  app.post("/end", async (_request, response) => {
    await write();
    response.status(201).set("x-own", "1").end("done");
    states.push(response.headersSent, response.writableEnded);
  });
  app.post("/twice", async (_request, response) => {
    await write();
    response.status(201).json({ first: true });
    // As with plain Express, the second answer throws, and the first one stays.
    expect(() => response.status(409).json({ second: true })).toThrow("Cannot set headers");
  });
  app.post("/head/:form", async (request: Request, response: Response) => {
    await write();
    const lines = ["content-type", "text/plain", "Set-Cookie", "own=1", "x-two", "a", "x-two", "b"];
    const forms: Record<string, () => unknown> = {
      object: () => response.writeHead(200, { "Set-Cookie": "own=1", "content-type": "text/plain" }),
      list: () => response.writeHead(200, "Fine", { "set-cookie": ["own=1", "own2=2"] }),
      flat: () => response.writeHead(200, lines),
      set: () => response.appendHeader("set-cookie", "own=1").writeHead(200, { "content-type": "text/plain" }),
      setAndFlat: () => response.setHeader("set-cookie", "own=1").writeHead(200, ["content-type", "text/plain"]),
      setAndObject: () => response.setHeader("set-cookie", "lost=1").writeHead(200, { "set-cookie": "own=1" }),
      none: () => response.setHeader("set-cookie", "own=1").writeHead(200),
      flush: () => response.setHeader("set-cookie", "own=1").flushHeaders(),
    };
    forms[String(request.params["form"])]?.();
    response.write("one ");
    response.end("two");
  });
  app.post("/public/:form", async (request, response) => {
    await write();
    const headers = { "Cache-Control": "public, max-age=60" };
    if (request.params["form"] === "set") response.set(headers).end();
    else response.writeHead(200, headers).end();
  });
  app.post("/redirect", async (_request, response) => {
    await write();
    response.redirect("/read");
  });
  app.post("/after", async (_request, response) => {
    response.write("begun ");
    await write();
    response.end("ended");
  });
  app.post("/under-way", async (_request, response) => {
    const checkout = await router.checkout({ intent: "write" });
    response.write("head, while a write is under way; ");
    checkout.release({ wrote: true });
    response.end("end");
  });
  const home = await listen(app);
  open.push(home, router);
  return { home, primary };
}

const states: boolean[] = [];
const post = (home: TestServer, path: string): ReturnType<typeof fetch> =>
  fetch(home.url + path, { method: "POST", redirect: "manual" });

describe("dbSession of Express, over HTTP", () => {
  it("sends a token to the client that wrote, and to no other", async () => {
    const { home, primary } = await application();
    primary.script.lsn = 0x2000;
    const written = await post(home, "/json");
    const token = written.headers.get("x-db-token");
    expect(positionOf(token)).toBe("0/0");
    expect(written.headers.get("set-cookie")).toMatch(/^scale_db=[\w-]{72}; .*HttpOnly; SameSite=Lax; Secure$/);
    expect(await written.json()).toEqual({ read: "primary" });
    const read = async (headers: Record<string, string>): Promise<[string, string | null]> => {
      const response = await fetch(`${home.url}/read`, { headers });
      return [await response.text(), response.headers.get("x-db-token")];
    };
    expect(await read({ "x-db-token": token as string })).toEqual(["primary", null]);
    expect(await read({ cookie: `scale_db=${token}` })).toEqual(["primary", null]);
    expect(await read({})).toEqual(["replica", null]);
  });

  it("sends a position when it is known by the time of the headers", async () => {
    const { home, primary } = await application();
    primary.script.lsn = 0x3000;
    const response = await fetch(`${home.url}/polled`);
    expect(positionOf(response.headers.get("x-db-token"))).toBe("0/3000");
  });

  it.each(["object", "list", "flat", "set", "setAndFlat", "setAndObject", "none", "flush"])(
    "adds its cookie to those of writeHead, called with %s",
    async (form) => {
      const { home } = await application();
      const response = await post(home, `/head/${form}`);
      const names = response.headers.getSetCookie().map((line) => line.split("=")[0]);
      expect(names).toEqual(form === "list" ? ["own", "own2", "scale_db"] : ["own", "scale_db"]);
      expect([positionOf(response.headers.get("x-db-token")), await response.text()]).toEqual(["0/0", "one two"]);
    },
  );

  it("delays nothing: the response has ended when end returns, and a second answer throws", async () => {
    const { home } = await application();
    states.length = 0;
    const [ended, redirect, twice] = [
      await post(home, "/end"),
      await post(home, "/redirect"),
      await post(home, "/twice"),
    ];
    expect(states).toEqual([true, true]);
    expect([ended.status, ended.headers.get("x-own"), await ended.text()]).toEqual([201, "1", "done"]);
    expect([redirect.status, redirect.headers.get("location")]).toEqual([302, "/read"]);
    expect([twice.status, await twice.json()]).toEqual([201, { first: true }]);
    for (const response of [ended, redirect, twice]) expect(positionOf(response.headers.get("x-db-token"))).toBe("0/0");
  });

  it("sends no token with a response that shared caches may store, and makes others private", async () => {
    const { home } = await application();
    for (const form of ["set", "given"]) {
      const { headers } = await post(home, `/public/${form}`);
      expect([headers.get("x-db-token"), headers.get("set-cookie"), headers.get("cache-control")]).toEqual([
        null,
        null,
        "public, max-age=60",
      ]);
    }
    expect((await post(home, "/json")).headers.get("cache-control")).toBe("private");
  });

  it("sends a token when the headers leave while a write is under way", async () => {
    const { home } = await application();
    const response = await post(home, "/under-way");
    expect([positionOf(response.headers.get("x-db-token")), await response.text()]).toEqual([
      "0/0",
      "head, while a write is under way; end",
    ]);
  });

  it("does not change a response that began before the write", async () => {
    const { home } = await application();
    const response = await post(home, "/after");
    expect([response.headers.get("x-db-token"), await response.text()]).toEqual([null, "begun ended"]);
  });

  it("sends the reads of unsafe methods to the primary, and no token for them", async () => {
    const { home } = await application();
    const response = await post(home, "/only-reads");
    expect([await response.text(), response.headers.get("x-db-token")]).toEqual(["primary", null]);
  });

  it.each(["nonsense", "A".repeat(72)])("gives nothing for a token of the client's own making: %s", async (token) => {
    const { home } = await application();
    const headers = { "x-db-token": token, cookie: `scale_db=${token}` };
    expect(await (await fetch(`${home.url}/read`, { headers })).text()).toBe("replica");
  });
});
