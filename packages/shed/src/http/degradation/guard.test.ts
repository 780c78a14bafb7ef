import { ConfigError } from "@scale/core";
import { problemHandler } from "@scale/http/express";
import { listen, type TestServer } from "@scale/http/testing";
import express, { type Express } from "express";
import { afterEach, describe, expect, it } from "vitest";
import { type CircuitSet, circuitSet } from "../../events.js";
import { degradation } from "../../express.js";
import { degradation as degradationFetch } from "../../fetch.js";
import { createShedder } from "../../shedder.js";
import { degradationGuard, type DegradationOptions } from "./guard.js";
import type { CircuitMode, ControlledBreaker, ControlledFlags } from "./sources.js";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

function breakerOf(name: string, key?: string): ControlledBreaker {
  let mode: CircuitMode = "auto";
  return {
    name,
    get mode() {
      return mode;
    },
    setMode(to) {
      mode = to;
    },
    snapshot: () => ({ name, key, mode, state: mode === "forced-open" ? "open" : "closed" }),
  };
}

function registryOf(name: string) {
  const breakers = new Map<string, ControlledBreaker>();
  return {
    name,
    get size() {
      return breakers.size;
    },
    get openCount() {
      return [...breakers.values()].filter(({ mode }) => mode === "forced-open").length;
    },
    get(key: string) {
      const breaker = breakers.get(key) ?? breakerOf(name, key);
      breakers.set(key, breaker);
      return breaker;
    },
    worst: (count: number) => [...breakers.values()].slice(0, count).map((breaker) => breaker.snapshot()),
  };
}

/** Flags that write down what they are asked to change. */
function flagsOf(): ControlledFlags & { readonly changes: unknown[] } {
  const changes: unknown[] = [];
  const killed = new Set<string>();
  const change = (what: string, ...rest: unknown[]) => {
    changes.push([what, ...rest]);
    return Promise.resolve({ version: changes.length });
  };
  return {
    changes,
    definitions: { exports: {}, "new.search": {} },
    explain: (key, subject) => ({ reason: killed.has(key) ? "KILLED" : "DEFAULT", flag: key, subject }),
    settings: (key) => (killed.has(key) ? { killed: true } : {}),
    status: () => ({ from: "live", ageMs: 7, isStale: false }),
    set: (key, settings, author) => change("set", key, settings, author),
    kill(key, author) {
      killed.add(key);
      return change("kill", key, author);
    },
    unkill(key, author) {
      killed.delete(key);
      return change("unkill", key, author);
    },
  };
}

const token = "Bearer t0ken";
const open: Pick<DegradationOptions, "authorize"> = { authorize: ({ header }) => header("authorization") === token };

async function serve(app: Express): Promise<TestServer> {
  const server = await listen(app);
  opened.push(server);
  return server;
}

interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** Sends requests with the token of the operator. */
function clientOf(send: (path: string, init: RequestInit) => Promise<Response>) {
  return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Asked> => {
    const type = body === undefined ? undefined : "application/json";
    const response = await send(`/api/degradation${path}`, {
      method,
      headers: { authorization: token, ...(type !== undefined && { "content-type": type }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : {} };
  };
}

/** The three ways in which a body arrives: parsed by the framework, as a stream of Node, as one of fetch. */
const WAYS: readonly (readonly [string, (options: DegradationOptions) => Promise<ReturnType<typeof clientOf>>])[] = [
  [
    "Express with a parser before",
    async (options) => {
      const { url } = await serve(
        express().use(express.json({ limit: "1mb" }), degradation(options), problemHandler()),
      );
      return clientOf((path, init) => fetch(url + path, init));
    },
  ],
  [
    "Express without a parser",
    async (options) => {
      const { url } = await serve(express().use("/api/degradation", degradation(options)).use(problemHandler()));
      return clientOf((path, init) => fetch(url + path, init));
    },
  ],
  [
    "fetch",
    async (options) => {
      const handler = degradationFetch(options);
      return clientOf((path, init) => handler(new Request(`http://localhost${path}`, init)));
    },
  ],
];

describe.each(WAYS)("degradation routes: %s", (_name, start) => {
  it("shows breakers, flags and the shedder, and reports degraded while one of them is", async () => {
    const shedder = createShedder({ concurrency: 1, maxWaitMs: 0, eventLoopDelayMs: false });
    opened.push(shedder);
    const [rates, shops, flags] = [breakerOf("rates"), registryOf("shops"), flagsOf()];
    const ask = await start({ ...open, breakers: [rates, shops], flags, shedder });
    shops.get("acme");
    expect((await ask("GET", "/health")).body).toEqual({
      status: "ok",
      breakers: { total: 2, open: 0 },
      flags: { total: 2, killed: [], degraded: [], stale: [], from: "live", ageMs: 7 },
      shed: expect.objectContaining({ level: "normal", limit: 1, inFlight: 0 }),
    });
    rates.setMode("forced-open");
    expect((await ask("GET", "/health")).body).toMatchObject({ status: "degraded", breakers: { open: 1 } });
    rates.setMode("auto");
    await flags.kill("exports", { by: "ann" });
    expect((await ask("GET", "/health")).body).toMatchObject({ status: "degraded", flags: { killed: ["exports"] } });
    await flags.unkill("exports", { by: "ann" });
    await shedder.admit({ tenantId: "hog" });
    await shedder.admit({ tenantId: "hog" });
    const { status, headers, body } = await ask("GET", "/health");
    expect(body).toMatchObject({ status: "degraded", shed: { level: "shedding", inFlight: 1 } });
    // A process that sheds load is alive: no probe may take it for dead.
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    expect((await ask("GET", "/circuits")).body).toEqual({
      circuits: [
        { name: "rates", mode: "auto", state: "closed" },
        { name: "shops", key: "acme", mode: "auto", state: "closed" },
      ],
    });
    expect((await ask("GET", "/circuits/shops")).body).toMatchObject({ circuits: [{ key: "acme" }] });
    expect((await ask("GET", "/flags/new.search?tenantId=acme&plan=pro")).body).toMatchObject({
      ...{ flag: "new.search", reason: "DEFAULT", settings: {} },
      subject: { tenantId: "acme", plan: "pro" },
    });
  });

  it("sets the mode of a breaker, and publishes the author", async () => {
    const [rates, shops] = [breakerOf("rates"), registryOf("shops")];
    const seen: CircuitSet[] = [];
    const stop = circuitSet.subscribe((event) => void seen.push(event));
    const ask = await start({ ...open, breakers: [rates, shops] });
    const by = "ann@example.com";
    expect(await ask("PUT", "/circuits/rates", { mode: "forced-open", by, note: "incident 7" })).toMatchObject({
      ...{ status: 200, body: { mode: "forced-open", state: "open" } },
    });
    expect(await ask("PUT", "/circuits/shops", { mode: "forced-closed", key: "acme", by })).toMatchObject({
      status: 200,
    });
    stop();
    expect(rates.mode).toBe("forced-open");
    expect(shops.get("acme").mode).toBe("forced-closed");
    expect(seen).toEqual([
      { breaker: "rates", key: undefined, from: "auto", to: "forced-open", changedBy: by, note: "incident 7" },
      { breaker: "shops", key: "acme", from: "auto", to: "forced-closed", changedBy: by, note: undefined },
    ]);
  });

  it("changes flags in the name of the author", async () => {
    const flags = flagsOf();
    const ask = await start({ ...open, flags, author: ({ header }) => header("x-user") ?? "" });
    const ann = { "x-user": "ann" };
    expect(await ask("PUT", "/flags/exports", { settings: { rules: [] }, note: "a test" }, ann)).toMatchObject({
      ...{ status: 200, body: { version: 1 } },
    });
    await ask("POST", "/flags/exports/kill", {}, ann);
    await ask("POST", "/flags/exports/unkill", {}, ann);
    expect(flags.changes).toEqual([
      ["set", "exports", { rules: [] }, { by: "ann", note: "a test" }],
      ["kill", "exports", { by: "ann" }],
      ["unkill", "exports", { by: "ann" }],
    ]);
    expect(await ask("POST", "/flags/exports/kill", { by: "bob" }, ann)).toMatchObject({ status: 400 });
  });

  it("refuses what is no change, and changes nothing", async () => {
    const [rates, shops, flags] = [breakerOf("rates"), registryOf("shops"), flagsOf()];
    const ask = await start({ ...open, breakers: [rates, shops], flags });
    const by = "ann";
    for (const [method, path, body] of [
      ["PUT", "/circuits/rates", { mode: "ajar", by }],
      ["PUT", "/circuits/rates", { mode: "forced-open" }],
      ["PUT", "/circuits/rates", { mode: "forced-open", by, key: "acme" }],
      ["PUT", "/circuits/shops", { mode: "forced-open", by }],
      ["PUT", "/circuits/rates", { mode: "forced-open", by, force: true }],
      ["PUT", "/circuits/rates", "{"],
      ["PUT", "/circuits/rates", "null"],
      ["PUT", "/circuits/rates", JSON.stringify({ mode: "forced-open", by, note: "x".repeat(200_000) })],
      ["PUT", "/flags/exports", { settings: [], by }],
      ["POST", "/flags/exports/kill", { by: "" }],
      ["POST", "/flags/exports/kill", { by: 7 }],
    ] as const) {
      expect(await ask(method, path, body), `${method} ${path}`).toMatchObject({ status: 400 });
    }
    const form = { "content-type": "text/plain" };
    expect(await ask("PUT", "/circuits/rates", { mode: "forced-open", by }, form)).toMatchObject({ status: 400 });
    for (const [method, path] of [
      ["GET", "/"],
      ["GET", ""],
      ["GET", "/circuits/nope"],
      ["GET", "/circuits/%E0%A4%A"],
      ["GET", "/flags/constructor"],
      ["GET", "/flags/__proto__"],
      ["POST", "/flags/exports/explode"],
      ["GET", "/health/more"],
    ] as const) {
      expect(await ask(method, path), `${method} ${path}`).toMatchObject({ status: 404 });
    }
    const wrongMethod = await ask("DELETE", "/circuits/rates");
    expect([wrongMethod.status, wrongMethod.headers.get("allow")]).toEqual([405, "GET, HEAD, PUT"]);
    expect(rates.mode).toBe("auto");
    expect(shops.size).toBe(0);
    expect(flags.changes).toEqual([]);
  });

  it("is closed to requests without authorisation, and by default to all", async () => {
    const rates = breakerOf("rates");
    const ask = await start({ ...open, breakers: [rates] });
    const closed = await start({ breakers: [rates] });
    for (const [method, path, body] of [
      ["GET", "/health", undefined],
      ["GET", "/nothing", undefined],
      ["PUT", "/circuits/rates", { mode: "forced-open", by: "eve" }],
    ] as const) {
      expect(await ask(method, path, body, { authorization: "Bearer no" })).toMatchObject({ status: 403 });
      expect(await closed(method, path, body)).toMatchObject({ status: 403 });
    }
    expect(rates.mode).toBe("auto");
  });
});

describe("degradationGuard", () => {
  it("lets requests of other paths pass", async () => {
    const { url } = await serve(
      express()
        .use(degradation({ path: "/ops/state", authorize: () => true }))
        .use((_request, response) => void response.send("passed")),
    );
    for (const path of ["/", "/ops", "/ops/statement/health", "/api/degradation/health"]) {
      expect(await (await fetch(url + path)).text()).toBe("passed");
    }
    expect(await (await fetch(`${url}/ops/state/health?x=1`)).json()).toMatchObject({ status: "ok" });
  });

  it("checks its options", () => {
    for (const [options, message] of [
      [{ authorize: true }, /authorize/],
      [{ breakers: [{}] }, /breakers/],
      [{ breakers: [breakerOf("a"), registryOf("a")] }, /two of "a"/],
      [{ flags: {} }, /flags/],
      [{ shedder: {} }, /shedder/],
      [{ path: "api" }, /path/],
      [{ path: "/api/" }, /path/],
      [{ guard: 1 }, /guard/],
    ] as const) {
      const create = (): unknown => degradationGuard(options as DegradationOptions);
      expect(create).toThrow(ConfigError);
      expect(create).toThrow(message);
    }
  });

  it("takes only true for a yes", async () => {
    const { url } = await serve(
      express()
        .use(degradation({ authorize: (() => "no") as never }))
        // oxlint-disable-next-line max-params -- Express recognises error middleware by its four parameters
        .use(((_error, _request, response, _next) => void response.status(500).end()) as express.ErrorRequestHandler),
    );
    expect((await fetch(`${url}/api/degradation/health`)).status).toBe(500);
  });
});
