import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { UnderlyingSource } from "node:stream/web";
import { InputError, tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { toFetch } from "./fetch.js";
import { problem } from "../problem.js";
import { describeHttpAdapter, type TestServer, listen } from "../testing.js";

describeHttpAdapter("fetch handlers", async (guard, routes) => {
  type Context = { params: Promise<Readonly<Record<string, string>>> };
  const route = toFetch(guard, async (request: Request, { params }: Context) => {
    const { pathname } = new URL(request.url);
    const { tenant } = await params;
    if (tenant !== undefined) return Response.json(await routes.orders(tenant));
    if (pathname === "/slow") return Response.json(await routes.slow());
    if (pathname === "/") return Response.json(await routes.root());
    if (pathname === "/echo") return Response.json(await routes.echo(await request.text()));
    if (pathname === "/redirect") return Response.redirect(new URL("/", request.url), 302);
    if (pathname === "/stream") return new Response(Readable.toWeb(Readable.from(routes.lines())) as ReadableStream);
    return routes.fail(pathname.slice("/error/".length));
  });
  return serveFetch((request) => {
    const [, tenant] = /^\/t\/([^/]+)\//u.exec(new URL(request.url).pathname) ?? [];
    return route(request, {
      params: Promise.resolve(tenant === undefined ? {} : { tenant: decodeURIComponent(tenant) }),
    });
  });
});

describe("toFetch", () => {
  const request = new Request("http://localhost/orders/7");
  const pass = () => ({ headers: { "x-guard": "1" } });

  it("keeps the signature of the handler", async () => {
    type Context = { params: Promise<{ id: string }> };
    const handler = async (_request: Request, { params }: Context) => Response.json(await params);
    const GET: typeof handler = toFetch(pass, handler);
    const response = await GET(request, { params: Promise.resolve({ id: "7" }) });
    expect(await response.json()).toEqual({ id: "7" });
    const plain: (request: Request) => Promise<Response> = toFetch(pass, () => new Response("ok"));
    expect(await (await plain(request)).text()).toBe("ok");
  });

  it("uses the remoteAddress function", async () => {
    const seen: unknown[] = [];
    const guard = (facts: { remoteAddress: string | undefined }) => {
      seen.push(facts.remoteAddress);
      return {};
    };
    const handler = (_request: Request, server: { peer: string }) => new Response(server.peer);
    await toFetch(guard, handler, { remoteAddress: (_, server) => server.peer })(request, { peer: "192.0.2.1" });
    await toFetch(guard, () => new Response())(request);
    expect(seen).toEqual(["192.0.2.1", undefined]);
  });

  it("adds to immutable headers, and keeps status, text and cookies", async () => {
    const own = new Response(null, { status: 201, statusText: "Made" });
    own.headers.append("set-cookie", "a=1");
    own.headers.append("set-cookie", "b=2");
    const guard = () => ({ headers: { "x-guard": "1", "set-cookie": "c=3" } });
    const response = await toFetch(guard, () => own)(request);
    expect(response).toMatchObject({ status: 201, statusText: "Made" });
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2", "c=3"]);
    const redirect = await toFetch(guard, () => Response.redirect("http://localhost/", 302))(request);
    expect(redirect.headers.get("location")).toBe("http://localhost/");
    expect(redirect.headers.get("x-guard")).toBe("1");
  });

  it("sets no cookie of a guard on a response that shared caches may store", async () => {
    const guard = () => ({ headers: { "set-cookie": "token=1" } });
    const cookiesOf = async (cacheControl: string) => {
      const handler = () => new Response("x", { headers: { "cache-control": cacheControl, "set-cookie": "own=1" } });
      return (await toFetch(guard, handler)(request)).headers.getSetCookie();
    };
    for (const shared of ["public, max-age=60", "max-age=60, Public", "s-maxage=5"]) {
      expect(await cookiesOf(shared)).toEqual(["own=1"]);
    }
    for (const own of ["private", "no-store", "max-age=60"]) expect(await cookiesOf(own)).toEqual(["own=1", "token=1"]);
  });

  it("cancels the body of a handler whose client has left, and releases what was held for it", async () => {
    const seen: string[] = [];
    const left = new AbortController();
    const guard = () => ({ holds: [{ release: () => void seen.push("released") }] });
    const body = new ReadableStream({ cancel: () => void seen.push("cancelled") });
    const handler = () => {
      left.abort();
      return new Response(body);
    };
    const response = await toFetch(guard, handler)(new Request("http://localhost/", { signal: left.signal }));
    expect([response.status, response.body]).toEqual([200, null]);
    await expect.poll(() => seen).toEqual(["cancelled", "released"]);
  });

  it("prefers the handler's header and joins lists, the guard's values first", async () => {
    const guard = () => ({ headers: { "X-Plan": "free", Vary: "Origin" } });
    const inner = toFetch(
      () => ({ headers: { "x-plan": "pro", vary: "Accept" } }),
      () => new Response("ok"),
    );
    const { headers } = await toFetch(guard, inner)(request);
    expect(headers.get("x-plan")).toBe("pro");
    expect(headers.get("vary")).toBe("Origin, Accept");
  });

  it("returns the same response if there is nothing to change, or it cannot be copied", async () => {
    const plain = new Response("ok");
    expect(
      await toFetch(
        () => ({}),
        () => plain,
      )(request),
    ).toBe(plain);
    const failed = Response.error();
    expect(
      await toFetch(
        () => ({ headers: { a: "1" }, tenant: { tenantId: "acme" } }),
        () => failed,
      )(request),
    ).toBe(failed);
  });

  it("rethrows unknown errors, such as the redirect of a framework", async () => {
    const signal = Object.assign(new Error("NEXT_REDIRECT"), { digest: "NEXT_REDIRECT;replace;/login;307;" });
    await expect(toFetch(pass, () => Promise.reject(signal))(request)).rejects.toBe(signal);
    const thrown = toFetch(pass, () => {
      throw new InputError("no");
    });
    expect((await thrown(request)).status).toBe(400);
  });

  it("denies without calling the handler", async () => {
    let called = false;
    const guarded = toFetch(
      () => ({ reply: problem({ title: "No", status: 403 }) }),
      () => {
        called = true;
        return new Response();
      },
    );
    expect((await guarded(request)).status).toBe(403);
    expect(called).toBe(false);
  });
});

describe("toFetch: a pulled body", () => {
  const request = new Request("http://localhost/");
  const guard = () => ({ tenant: { tenantId: "acme" } });
  const source = (underlying: UnderlyingSource<Uint8Array>) =>
    toFetch(guard, () => new Response(new ReadableStream(underlying, { highWaterMark: 0 })))(request);

  it("is read on demand, for the tenant", async () => {
    const seen: (string | undefined)[] = [];
    const response = await source({
      pull(controller) {
        seen.push(tenancy.current()?.tenantId);
        controller.enqueue(new Uint8Array([65 + seen.length]));
        if (seen.length === 3) controller.close();
      },
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(seen).toEqual([]);
    expect((await reader.read()).value).toEqual(new Uint8Array([66]));
    expect(seen).toEqual(["acme"]);
    await reader.read();
    await reader.read();
    expect((await reader.read()).done).toBe(true);
    expect(seen).toEqual(["acme", "acme", "acme"]);
  });

  it("is cancelled for the tenant when the client disconnects", async () => {
    let heard: unknown;
    const response = await source({
      cancel(reason) {
        heard = [reason, tenancy.current()?.tenantId];
      },
    });
    await response.body?.cancel("left");
    expect(heard).toEqual(["left", "acme"]);
  });

  it("fails with the error of its source", async () => {
    const response = await source({
      pull: () => Promise.reject(new Error("source")),
    });
    await expect(response.text()).rejects.toThrow("source");
  });
});

// A minimal runtime for fetch handlers.
async function serveFetch(handler: (request: Request) => Promise<Response>): Promise<TestServer> {
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const left = new AbortController();
    outgoing.once("close", () => {
      if (!outgoing.writableFinished) left.abort();
    });
    try {
      const response = await handler(toRequest(incoming, left.signal));
      // Nor is a body read or cancelled for a client that has left: from Node 24 on `pipeline` throws for a closed
      // destination and leaves the source as it is. The signal has told the guard.
      if (left.signal.aborted) return;
      outgoing.writeHead(response.status, [...response.headers].flat());
      // As in Next: the body of a response to HEAD is not read.
      const body = incoming.method === "HEAD" ? null : response.body;
      await pipeline(body === null ? [] : Readable.fromWeb(body as never), outgoing);
    } catch {
      // Also reached when the client has disconnected; then the 500 is not sent.
      if (!outgoing.headersSent) outgoing.writeHead(500);
      outgoing.end();
    }
  };
  return listen((incoming, outgoing) => void answer(incoming, outgoing));
}

function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", rawHeaders } = incoming;
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  const url = `http://${incoming.headers.host}${incoming.url}`;
  if (method !== "POST") return new Request(url, { method, headers, signal });
  return new Request(url, {
    method,
    headers,
    signal,
    body: Readable.toWeb(incoming) as ReadableStream,
    duplex: "half",
  });
}
