import { ConfigError, tenancy } from "@scale/core";
import { fromHeader, tenantGuard } from "@scale/http";
import { toExpress } from "@scale/http/express";
import { listen } from "@scale/http/testing";
import express from "express";
import { describe, expect, it, onTestFinished } from "vitest";
import { requireFlag } from "./express.js";
import { requireFlag as requireFlagFetch } from "./fetch.js";
import { flagGuard } from "./http.js";
import { bool, createFlags, defineFlags, json, memorySource, oneOf } from "./index.js";

const definitions = defineFlags({
  exports: bool({ default: true }),
  beta: bool({ default: false }),
  search: oneOf(["simple", "ranked"], { default: "simple" }),
  theme: json({ parse: (value) => value }, { default: {} }),
});

function start() {
  const broken = { is: false };
  const flags = createFlags({
    flags: definitions,
    source: memorySource(),
    degrade: { search: { when: () => broken.is, to: "simple" } },
  });
  onTestFinished(() => flags.close());
  return { flags, by: { by: "ann" } };
}

describe("requireFlag in Express", () => {
  it("answers while the flag is on for the tenant, 404 when rules exclude it, 503 while it is killed", async () => {
    const { flags, by } = start();
    const app = express();
    app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
    app.get("/beta", requireFlag(flags, "beta"), (_request, response) => void response.json({ ok: true }));
    const { url, close } = await listen(app);
    onTestFinished(close);
    const get = (tenantId: string): Promise<Response> => fetch(`${url}/beta`, { headers: { "x-tenant-id": tenantId } });
    await flags.set("beta", { rules: [{ tenants: ["acme"] }] }, by);
    expect((await get("acme")).status).toBe(200);
    const hidden = await get("birch");
    expect([hidden.status, hidden.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    await flags.kill("beta", by);
    const killed = await get("acme");
    expect([killed.status, killed.headers.get("retry-after")]).toEqual([503, "30"]);
    expect(await killed.json()).toMatchObject({ title: "Service Unavailable", status: 503 });
    await flags.unkill("beta", by);
    expect((await get("acme")).status).toBe(200);
  });
});

describe("requireFlag of fetch", () => {
  it("runs the handler while the flag has the value, for the subject that the option returns", async () => {
    const { flags, by } = start();
    await flags.set("search", { rules: [{ users: ["ann"], value: "ranked" }] }, by);
    const handler = requireFlagFetch(
      {
        flags,
        key: "search",
        is: "ranked",
        subject: async ({ header }) => ({ userId: header("x-user") }),
      },
      (_request: Request) => new Response("ranked"),
    );
    const ask = (user: string): Promise<Response> =>
      handler(new Request("http://localhost/", { headers: { "x-user": user } }));
    expect(await (await ask("ann")).text()).toBe("ranked");
    expect((await ask("bob")).status).toBe(404);
  });
});

describe("flagGuard", () => {
  it("takes the tenant of the context", async () => {
    const { flags, by } = start();
    await flags.set("exports", { deny: { tenants: ["acme"] } }, by);
    const guard = flagGuard(flags, "exports");
    const ask = async (tenantId: string) => (await tenancy.run({ tenantId }, async () => guard(facts))).reply?.status;
    expect(await ask("acme")).toBe(404);
    expect(await ask("birch")).toBeUndefined();
  });

  it("checks flag and value when it is created", () => {
    const { flags } = start();
    for (const [create, message] of [
      [() => flagGuard(flags, "constructor" as never), /expected a defined flag/],
      [() => flagGuard(flags, "search"), /search: is: expected simple, ranked, got true/],
      [() => flagGuard(flags, "theme", { is: {} }), /not json/],
      [() => flagGuard({} as typeof flags, "beta"), /expected flags/],
      [() => flagGuard(flags, "beta", { value: true } as never), /value/],
      [() => flagGuard(flags, "beta", { subject: "acme" as never }), /subject/],
    ] as const) {
      expect(create).toThrow(ConfigError);
      expect(create).toThrow(message);
    }
  });
});

const facts = { method: "GET", url: "/", remoteAddress: undefined, header: () => undefined, raw: undefined };
