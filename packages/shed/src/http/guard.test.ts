import { fromHeader, type HttpGuard, tenantGuard } from "@scale/http";
import { problemFromError } from "@scale/http/adapter";
import { problemHandler, toExpress } from "@scale/http/express";
import { createFacts, listen, type TestServer } from "@scale/http/testing";
import express from "express";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { shed } from "../express.js";
import { shed as shedFetch } from "../fetch.js";
import { createShedder, type Shedder } from "../shedder.js";
import { shedGuard } from "./guard.js";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

function shedderWith(concurrency: number, maxWaitMs = 0): Shedder {
  const shedder = createShedder({ concurrency, maxWaitMs, eventLoopDelayMs: false });
  opened.push(shedder);
  return shedder;
}

/** An Express app whose handler waits until the test lets it go. */
async function appWith(shedder: Shedder): Promise<TestServer & { letGo(): void; handled: () => number }> {
  const open: (() => void)[] = [];
  let handled = 0;
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  app.use(shed(shedder));
  app.all("/work", (_request, response) => {
    handled++;
    open.push(() => response.json({ ok: true }));
  });
  app.get("/healthz", (_request, response) => void response.json({ ok: true }));
  app.get("/stream", (_request, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" }).write("data: 1\n\n");
  });
  app.use(problemHandler());
  const server = await listen(app);
  opened.push(server);
  return { ...server, letGo: () => open.shift()?.(), handled: () => handled };
}

const headers = { "x-tenant-id": "acme" };

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setImmediate(resolve));
}

describe("shedGuard in Express", () => {
  it("replies 503 with Retry-After and the problem type, without running the handler", async () => {
    const app = await appWith(shedderWith(1));
    const first = fetch(`${app.url}/work`, { headers });
    await until(() => app.handled() === 1);
    const refused = await fetch(`${app.url}/work`, { headers });
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(await refused.json()).toMatchObject({
      type: "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
      code: "SCALE_OVERLOAD",
      status: 503,
    });
    app.letGo();
    expect((await first).status).toBe(200);
    expect(app.handled()).toBe(1);
  });

  it("holds the room until the handler has ended, although the client has left", async () => {
    const shedder = shedderWith(1);
    const app = await appWith(shedder);
    const controller = new AbortController();
    const left = fetch(`${app.url}/work`, { headers, signal: controller.signal }).catch(() => undefined);
    await until(() => app.handled() === 1);
    controller.abort();
    await left;
    for (let i = 0; i < 3; i++) expect((await fetch(`${app.url}/work`, { headers })).status).toBe(503);
    expect([app.handled(), shedder.stats().inFlight]).toEqual([1, 1]);
    app.letGo();
    await until(() => shedder.stats().inFlight === 0);
    const next = fetch(`${app.url}/work`, { headers });
    await until(() => app.handled() === 2);
    app.letGo();
    expect((await next).status).toBe(200);
  });

  it("gives the room back when a stream of events begins, and not before", async () => {
    const shedder = shedderWith(1);
    const app = await appWith(shedder);
    const accept = { ...headers, accept: "text/event-stream" };
    const streams = [
      await fetch(`${app.url}/stream`, { headers: accept }),
      await fetch(`${app.url}/stream`, { headers: accept }),
    ];
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    expect(shedder.stats().inFlight).toBe(0);
    // The header of the client does not make a stream of another response.
    const work = fetch(`${app.url}/work`, { headers: accept });
    await until(() => app.handled() === 1);
    expect((await fetch(`${app.url}/stream`, { headers: accept })).status).toBe(503);
    app.letGo();
    await work;
    await Promise.all(streams.map(({ body }) => body?.cancel()));
  });

  it("neither refuses nor counts probes, and counts preflights", async () => {
    const shedder = shedderWith(1);
    const app = await appWith(shedder);
    const first = fetch(`${app.url}/work`, { headers });
    await until(() => app.handled() === 1);
    expect((await fetch(`${app.url}/healthz`, { headers })).status).toBe(200);
    const preflight = { ...headers, "access-control-request-method": "GET" };
    expect((await fetch(`${app.url}/work`, { method: "OPTIONS", headers: preflight })).status).toBe(503);
    expect(shedder.stats().inFlight).toBe(1);
    app.letGo();
    await first;
  });
});

describe("an exemption that any client can ask for", () => {
  const ask = async (guard: HttpGuard, url: string): Promise<number> =>
    (await guard(createFacts({ url }))).reply?.status ?? 200;

  it("is bounded for probes: 100 in a second, and further ones are counted", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    onTestFinished(() => void vi.useRealTimers());
    const shedder = shedderWith(1);
    const held = await shedder.admit({ tenantId: "other" });
    const guard = shedGuard(shedder, { tenant: () => "acme" });
    const statuses: number[] = [];
    for (let i = 0; i < 103; i++) statuses.push(await ask(guard, "/healthz"));
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    if (held.admitted) held.release();
  });

  it("is none for paths that only end like those of probes", async () => {
    const shedder = shedderWith(1);
    const held = await shedder.admit({ tenantId: "other" });
    const guard = shedGuard(shedder, { tenant: () => "acme" });
    for (const url of ["/healthz", "/health/", "/api/health", "/health/ready", "/readyz?verbose"])
      expect(await ask(guard, url), url).toBe(200);
    for (const url of ["/contacts/health", "/health/../contacts", "/healthy", "/api/v1/health", "/x?/health"])
      expect(await ask(guard, url), url).toBe(503);
    if (held.admitted) held.release();
  });

  it("gives room back a minute after a disconnect, when the end of the handler is not seen", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const shedder = shedderWith(1);
    const { holds = [] } = await shedGuard(shedder, { tenant: () => "acme" })(createFacts());
    for (const hold of holds) hold.letExpire?.();
    await vi.advanceTimersByTimeAsync(59_000);
    expect(shedder.stats().inFlight).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(shedder.stats().inFlight).toBe(0);
  });
});

describe("shedGuard in a fetch handler", () => {
  it("replies 503, and gives the room back when the response was read", async () => {
    const shedder = shedderWith(1);
    let letGo = (): void => undefined;
    const GET = shedFetch(
      shedder,
      async () => {
        await new Promise<void>((resolve) => (letGo = resolve));
        return Response.json({ ok: true });
      },
      { tenant: ({ header }) => header("x-tenant-id") ?? "" },
    );
    const request = (): Request => new Request("http://localhost/work", { headers });
    const first = GET(request());
    await until(() => shedder.stats().inFlight === 1);
    expect((await GET(request())).status).toBe(503);
    letGo();
    expect(await (await first).json()).toEqual({ ok: true });
    await until(() => shedder.stats().inFlight === 0);
  });
});

describe("OverloadError", () => {
  it("gets the reply of the guard when a handler throws it", async () => {
    const shedder = shedderWith(1);
    const held = await shedder.admit({ tenantId: "acme" });
    const { reply } = await shedGuard(shedder, { tenant: () => "acme" })(createFacts());
    const error: unknown = await shedder.run({ tenantId: "acme" }, () => 1).catch((thrown: unknown) => thrown);
    expect(problemFromError(error)).toEqual(reply);
    if (held.admitted) held.release();
  });
});

describe("the options of shedGuard", () => {
  it("are checked, and a callback may return a promise, but nothing else than it says", async () => {
    const shedder = shedderWith(1);
    expect(() => shedGuard(shedder, { cost: 0 })).toThrow(/cost/);
    expect(() => shedGuard({} as Shedder)).toThrow(/expected a shedder/);
    const ask = (options: object): Promise<Response> =>
      shedFetch(shedder, () => new Response("done"), { tenant: () => "acme", ...options })(
        new Request("http://localhost/"),
      );
    const held = shedder.admit({ tenantId: "acme" });
    // A promise of `false` is no exemption, though it is truthy.
    expect((await ask({ exempt: async () => false })).status).toBe(503);
    expect(await (await ask({ exempt: async () => true })).text()).toBe("done");
    await expect(ask({ exempt: () => "no" })).rejects.toThrow(/exempt: expected true or false/);
    expect((await ask({ tenant: async () => 5 })).status).toBe(400);
    await expect(ask({ cost: async () => 0.5 })).rejects.toThrow(/cost: expected/);
    ((await held) as { release(): void }).release();
    expect(shedder.stats()).toMatchObject({ inFlight: 0, tenants: 0 });
  });
});
