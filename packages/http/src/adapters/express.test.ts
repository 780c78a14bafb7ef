import { createRequire } from "node:module";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { StoreError, tenancy } from "@scale/core";
import express, { type ErrorRequestHandler, type Request, type RequestHandler } from "express";
import { describe, expect, it } from "vitest";
import { problemHandler, toExpress } from "./express.js";
import { problem } from "../problem.js";
import { describeHttpAdapter, listen } from "../testing.js";

// Its types are those of Express 5, near enough for what is used here.
const require = createRequire(import.meta.url);
const express4 = require("express4") as typeof express;

describe.each([
  ["Express 5", express],
  ["Express 4", express4],
])("%s", (name, express) => {
  describeHttpAdapter(name, async (guard, routes) => {
    const app = express();
    const json = (give: (request: Request) => Promise<unknown>): RequestHandler => {
      // Express 4 does not wait for handlers.
      return (request, response, next) => void give(request).then((body) => response.json(body), next);
    };
    app.get(name === "Express 4" ? "/t/:tenant/*" : "/t/:tenant/*rest", toExpress(guard), (request, response, next) => {
      routes.orders(request.params.tenant).then((seen) => response.json(seen), next);
    });
    app.use((_request, response, next) => {
      routes.before(response);
      next();
    }, toExpress(guard));
    app.get(
      "/slow",
      json(() => routes.slow()),
    );
    app.get(
      "/",
      json(() => routes.root()),
    );
    app.post(
      "/echo",
      express.text({ limit: "1mb" }),
      json((request) => routes.echo(request.body as string)),
    );
    app.get(
      "/error/:kind",
      json((request) => routes.fail(String(request.params["kind"]))),
    );
    app.get("/redirect", (_request, response) => response.redirect("/"));
    app.get("/stream", (_request, response) => void Readable.from(routes.lines()).pipe(response.type("text/plain")));
    app.use(problemHandler(), quiet);
    return listen(app);
  });
});

describeHttpAdapter("node:http", async (guard, routes) => {
  const middleware = toExpress(guard);
  const onError = problemHandler();
  return listen((request, response) => {
    const json = (body: unknown) => response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    const route = async (path: string) => {
      if (path === "/") json(await routes.root());
      if (path === "/echo") json(await routes.echo(await text(request)));
      if (path === "/slow") json(await routes.slow());
      const [, tenant] = /^\/t\/([^/]+)\//u.exec(path) ?? [];
      if (tenant !== undefined) json(await routes.orders(decodeURIComponent(tenant)));
      if (path === "/redirect") response.writeHead(302, { location: "/" }).end();
      if (path === "/stream") Readable.from(routes.lines()).pipe(response);
      if (path.startsWith("/error/")) await routes.fail(path.slice("/error/".length));
      if (!response.headersSent && !/^\/(?:slow|stream)?$/u.test(path)) response.writeHead(404).end();
    };
    const refuse = () => void (response.headersSent || response.writeHead(500).end());
    const fail = (failure: unknown) => onError(failure, request, response, refuse);
    const next = (failure?: unknown) => {
      if (failure !== undefined) return fail(failure);
      const [path = ""] = (request.url ?? "/").split("?");
      const [, tenant] = /^\/t\/([^/]+)\//u.exec(path) ?? [];
      if (tenant !== undefined) Object.assign(request, { params: { tenant: decodeURIComponent(tenant) } });
      route(path).catch(fail);
    };
    routes.before(response);
    void middleware(request, response, next);
  });
});

describe("toExpress", () => {
  it("has the arity of middleware, and problemHandler that of error middleware", () => {
    const handler: RequestHandler = toExpress(() => ({}));
    const onError: ErrorRequestHandler = problemHandler();
    expect([handler, onError.length]).toEqual([expect.any(Function), 4]);
  });

  it("passes the original url below a mounted router, and joins the headers of two guards", async () => {
    let url = "";
    const router = express.Router();
    const inner = toExpress((facts) => {
      url = facts.url;
      return { headers: { RateLimit: '"ai";r=1', "X-Plan": "pro", Vary: "Accept" } };
    });
    router.get("/a", inner, (_request, response) => void response.json({}));
    const outer = toExpress(() => ({ headers: { ratelimit: '"api";r=9', "x-plan": "free", "Set-Cookie": "b=2" } }));
    const cookie: RequestHandler = (_request, response, next) =>
      next(response.cookie("a", "1").vary("Origin") && undefined);
    const { url: base, close } = await listen(express().use(cookie, outer).use("/api", router));
    const response = await fetch(`${base}/api/a?b=1`);
    await close();
    expect(url).toBe("/api/a?b=1");
    expect(response.headers.get("ratelimit")).toBe('"api";r=9, "ai";r=1');
    expect(response.headers.get("x-plan")).toBe("pro");
    expect(response.headers.get("vary")).toBe("Origin, Accept");
    expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
  });

  it("writes no headers to a response that has begun, and still calls next", async () => {
    const { request, response } = exchange();
    response.flushHeaders();
    const errors: unknown[] = [];
    const next = (error?: unknown) => void errors.push(error);
    await toExpress(() => ({ headers: { "x-late": "1" } }))(request, response, next);
    problemHandler()(new StoreError("late"), request, response, next);
    expect(errors).toEqual([undefined, expect.objectContaining({ code: "SCALE_STORE" })]);
  });

  it("closes a response that has begun when it refuses, and passes on an error that says why", async () => {
    const { request, response } = exchange();
    response.flushHeaders();
    const errors: unknown[] = [];
    const refuse = toExpress(() => ({ reply: problem({ title: "No", status: 403 }) }));
    await refuse(request, response, (error?: unknown) => void errors.push(error));
    expect(errors).toEqual([expect.objectContaining({ code: "SCALE_RESPONSE_BEGUN" })]);
    expect(String(errors[0])).toContain("the reply with status 403 could not be sent");
    expect(response.destroyed).toBe(true);
    // A client that has left waits for nothing.
    await refuse(request, response, (error?: unknown) => void errors.push(error));
    expect(errors).toHaveLength(1);
  });

  it("does not call next a second time when a later handler throws", async () => {
    const { request, response } = exchange();
    const calls: unknown[] = [];
    const next = (error?: unknown) => {
      calls.push(error);
      throw new Error("handler");
    };
    await expect(toExpress(() => ({ tenant: { tenantId: "acme" } }))(request, response, next)).rejects.toThrow(
      "handler",
    );
    expect(calls).toEqual([undefined]);
  });

  it("runs listeners on the request and the response for the tenant of the last guard", async () => {
    const { request, response } = exchange();
    const seen: unknown[] = [];
    const look = () => void seen.push(tenancy.current()?.tenantId);
    const inner = () => toExpress(() => ({ tenant: { tenantId: "inner" } }))(request, response, () => undefined);
    request.on("end", look);
    response.on("finish", look);
    await toExpress(() => ({ tenant: { tenantId: "outer" } }))(request, response, () => void request.emit("end"));
    await inner();
    tenancy.run({ tenantId: "another" }, () => request.emit("end"));
    response.emit("finish");
    expect(seen).toEqual(["outer", "inner", "inner"]);
  });

  it("calls next without an argument, inside the tenant", async () => {
    const { request, response } = exchange();
    const calls: unknown[] = [];
    const next = (...args: unknown[]) => void calls.push([args, tenancy.current()?.tenantId]);
    await toExpress(() => ({ tenant: { tenantId: "acme" } }))(request, response, next);
    await toExpress(() => ({}))(request, response, next);
    expect(calls).toEqual([
      [[], "acme"],
      [[], undefined],
    ]);
  });
});

// A request and its response that no socket carries.
function exchange() {
  const request = new IncomingMessage(new Socket());
  return { request, response: new ServerResponse(request) };
}

// Express' own last handler, without its printing to the console.
const quiet: ErrorRequestHandler = (_error, _request, response, _next) => void response.sendStatus(500);
