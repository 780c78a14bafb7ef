import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import { listen } from "@scale/http/testing";
import compression from "compression";
import express from "express";
import { afterEach, describe, expect, it, vi } from "vitest";
import { closing } from "../test/sink.js";
import { openStream } from "../test/stream-client.js";
import { sse } from "./express.js";
import { createHub, type HubLimits, memoryHub } from "./index.js";

const servers: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of servers.splice(0)) await each.close();
});

const acme = { tenantId: "acme" };
const headers = { "x-tenant-id": "acme" };
const until = (check: () => void): Promise<void> => vi.waitFor(check, 5000);

interface ServeOptions {
  readonly limits?: HubLimits;
  readonly authorize?: () => boolean | Promise<boolean>;
  readonly compress?: boolean;
}

async function serve({ limits = {}, authorize = () => true, compress = false }: ServeOptions = {}) {
  const hub = closing(
    createHub({ store: memoryHub(), heartbeat: 40, limits, topics: { news: { authorize }, "a.{id}": { authorize } } }),
  );
  const app = express();
  app.get("/slow", async (_request, response) => {
    await sleep(50); // So that a pipelined request has to wait for its turn.
    response.send("slow");
  });
  if (compress) app.use(compression({ threshold: 0 }));
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  app.use("/events", sse(hub));
  app.use("/failing", sse(hub, { principal: () => Promise.reject(new Error("no session")) }));
  app.use(problemHandler());
  app.use((error: Error, _request: express.Request, response: express.Response, _next: express.NextFunction) => {
    response.status(500).send(error.message);
  });
  const server = await listen(app);
  servers.push(server);
  return { hub, url: `${server.url}/events?topic=news`, origin: server.url };
}

describe("sse in Express", () => {
  it("streams with headers that keep every buffer open, also after compression", async () => {
    const { hub, url } = await serve({ compress: true });
    const client = await openStream(url, { headers: { ...headers, "accept-encoding": "gzip" } });
    expect(client.response.statusCode).toBe(200);
    expect(client.response.headers).toMatchObject({
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache, no-store, no-transform",
      "x-accel-buffering": "no",
    });
    expect(client.response.headers["content-encoding"]).toBeUndefined();
    await hub.publish("news", 1, acme);
    await until(() => expect(client.values()).toEqual([1]));
    await until(() => expect(client.heartbeats).toBeGreaterThan(1));
    client.close();
    await until(() => expect(hub.stats().connections).toBe(0));
  });

  it("resumes by the header, and by the query for clients that cannot set one", async () => {
    const { hub, url } = await serve();
    const first = await openStream(url, { headers });
    await until(() => expect(first.lastEventId).not.toBe(""));
    first.close();
    await hub.publish("news", 1, acme);
    const byHeader = await openStream(url, { headers, lastEventId: first.lastEventId });
    const byQuery = await openStream(`${url}&lastEventId=${first.lastEventId}`, { headers });
    await until(() => expect([byHeader.values(), byQuery.values()]).toEqual([[1], [1]]));
  });

  it("answers what is no request for a stream, and refusals, with problems", async () => {
    let isAllowed = true;
    const { hub, url, origin } = await serve({ limits: { perTenant: 1 }, authorize: () => isAllowed });
    const ask = async (
      to: string,
      init: RequestInit = {},
    ): Promise<{ status: number; code: unknown; retryAfter: string | null }> => {
      const response = await fetch(to, { headers: { ...headers, accept: "text/event-stream" }, ...init });
      const type = response.headers.get("content-type");
      expect(type).toBe("application/problem+json");
      const body = (await response.json()) as { code?: string };
      return { status: response.status, code: body.code, retryAfter: response.headers.get("retry-after") };
    };
    expect(await ask(url, { headers })).toMatchObject({ status: 406 });
    expect(await ask(url, { method: "POST" })).toMatchObject({ status: 405 });
    expect(await ask(`${origin}/events`)).toMatchObject({ status: 400, code: "SCALE_TOPIC" });
    expect(await ask(`${origin}/events?topic=none`)).toMatchObject({ status: 400, code: "SCALE_TOPIC" });
    expect(await ask(url, { headers: { accept: "text/event-stream" } })).toMatchObject({
      status: 400,
      code: "SCALE_TENANT",
    });
    isAllowed = false;
    expect(await ask(url)).toMatchObject({ status: 403, code: "SCALE_FORBIDDEN" });
    isAllowed = true;
    const head = await fetch(url, { method: "HEAD", headers: { ...headers, accept: "text/event-stream" } });
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
      "",
    ]);
    const open = await openStream(url, { headers });
    expect(await ask(url)).toEqual({ status: 429, code: "SCALE_CONNECTIONS", retryAfter: "30" });
    open.close();
    await until(() => expect(hub.stats().connections).toBe(0));
    await hub.drain({ deadline: 10 });
    expect(await ask(url)).toEqual({ status: 503, code: "SCALE_CONNECTIONS", retryAfter: "1" });
    expect(
      await (await fetch(`${origin}/failing`, { headers: { ...headers, accept: "text/event-stream" } })).text(),
    ).toBe("no session");
  });

  it("gives the place back of a client that leaves before its stream has begun", async () => {
    let letIn = (): void => undefined;
    const authorize = vi.fn(() => new Promise<boolean>((resolve) => (letIn = () => resolve(true))));
    const { hub, url } = await serve({ authorize });
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.write(
      `GET ${new URL(url).pathname}?topic=news HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nx-tenant-id: acme\r\n\r\n`,
    );
    await until(() => expect(authorize).toHaveBeenCalled());
    expect(hub.stats().connections).toBe(1);
    socket.destroy();
    await sleep(20); // The server has to notice the end of the connection.
    letIn();
    await until(() => expect(hub.stats()).toMatchObject({ connections: 0, topics: 0 }));
  });

  it("sends no chunks to a client of HTTP/1.0, and waits for its turn in a pipeline", async () => {
    const { hub, origin } = await serve();
    const { port } = new URL(origin);
    const ask = (lines: string[]): { text: () => string } => {
      const socket = connect(Number(port), "127.0.0.1");
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk) => (text += String(chunk)));
      socket.write(lines.join("\r\n"));
      servers.push({ close: () => socket.destroy() });
      return { text: () => text };
    };
    const fields = ["Host: x", "Accept: text/event-stream", "x-tenant-id: acme", "", ""];
    const old = ask(["GET /events?topic=news HTTP/1.0", ...fields]);
    const piped = ask(["GET /slow HTTP/1.1", "Host: x", "", "GET /events?topic=news HTTP/1.1", ...fields]);
    await until(() => expect(hub.stats().connections).toBe(2));
    await hub.publish("news", "hello", acme);
    await until(() =>
      expect(old.text()).toMatch(
        /\r\n\r\nretry: 2000\n\nid: [\w-]{22}\nevent: ready\ndata: \{"start":"fresh"\}\n\n(?:id: .*\nevent: heartbeat\ndata: \{\}\n\n)*id: .*\ndata: \{"topic":"news","data":"hello"\}\n\n/,
      ),
    );
    await until(() => expect(piped.text()).toMatch(/slowHTTP\/1\.1 200 OK[^]*"hello"\}\n\n\r\n/));
  });
});

describe("a connection that serves streams one after the other", () => {
  it("keeps nothing of those that have ended", async () => {
    const rights = { allowed: true };
    const topics = { news: { authorize: () => rights.allowed } };
    const hub = closing(createHub({ store: memoryHub(), topics }));
    const handler = sse(hub, { principal: () => ({ tenantId: "acme", userId: "ann" }) });
    const sockets = new Map<Socket, number>();
    const server = await listen((request, response) => {
      if (!sockets.has(request.socket)) sockets.set(request.socket, request.socket.listenerCount("drain"));
      void handler(request, response, () => response.destroy());
    });
    servers.push(server);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    servers.push({ close: () => agent.destroy() });
    for (let i = 0; i < 5; i++) {
      const client = await openStream(`${server.url}/events?topic=news`, { agent });
      await until(() => expect(client.lastEventId).not.toBe(""));
      // Ends it in order, as an age or a deploy does.
      rights.allowed = false;
      await hub.recheck({ tenantId: "acme" });
      rights.allowed = true;
      await until(() => expect(client.isEnded).toBe(true));
    }
    const [[socket, before] = []] = sockets;
    expect([sockets.size, socket?.listenerCount("drain")]).toEqual([1, before]);
  });

  it("answers a path of two slashes, which is no URL", async () => {
    const hub = closing(createHub({ store: memoryHub(), topics: { news: { authorize: () => true } } }));
    const failed = vi.fn();
    const handler = sse(hub, { principal: () => acme });
    const server = await listen((request, response) => {
      void handler(request, response, (error) => {
        failed(error);
        response.destroy();
      });
    });
    servers.push(server);
    const client = await openStream(`${server.url}//?topic=news`);
    expect(client.response.statusCode).toBe(200);
    expect(failed).not.toHaveBeenCalled();
    client.close();
  });
});

describe("frames of a stream", () => {
  it("are well-formed chunks: a client of fetch reads a thousand of them, and the end", async () => {
    const { hub, url } = await serve();
    const response = await fetch(url, { headers: { ...headers, accept: "text/event-stream" } });
    for (let i = 0; i < 1000; i++) await hub.publish("news", `${i} \u{1f680} ${"x".repeat(i)}`, acme);
    await hub.drain({ deadline: 1000 });
    const text = await response.text();
    const values = [...text.matchAll(/^data: (.*"topic".*)$/gm)].map(
      ([, data = ""]) => (JSON.parse(data) as { data: string }).data,
    );
    expect(values).toEqual(Array.from({ length: 1000 }, (_, i) => `${i} \u{1f680} ${"x".repeat(i)}`));
  });
});
