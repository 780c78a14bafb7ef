import type { TenantContext } from "@scale/core";
import { expect, it } from "vitest";
import { problem } from "../../problem.js";
import type { Verdict } from "../../types.js";
import { type AdapterFixture, guardHeaders, verdict } from "../fixture.js";
import { abandon, open, pipelined } from "../client.js";
import { hold } from "../routes.js";

const HOSTILE = [
  "a:b",
  "*",
  "{acme}",
  "\0",
  "__proto__",
  "constructor",
  "\u0430cme",
  "\ud800",
  "a\r\nb",
  "x".repeat(1024),
];

export function carriesTheTenant(bench: AdapterFixture): void {
  const as = (tenant: TenantContext) => {
    bench.guard = async () => ({ tenant });
    return bench.get("/");
  };

  it("runs the handler for the guard's tenant, before and after it waits", async () => {
    const tenant = { tenantId: "acme", userId: "u1", ip: "192.0.2.1" };
    expect(JSON.parse((await as(tenant)).text)).toEqual({ before: tenant, after: tenant });
  });

  it("hands on any id as it is", async () => {
    for (const tenantId of HOSTILE) {
      expect(JSON.parse((await as({ tenantId })).text)).toEqual({ before: { tenantId }, after: { tenantId } });
    }
  });

  it("runs no handler for an id that cannot be one", async () => {
    expect(await as({ tenantId: "" })).toMatchObject({
      status: 400,
      headers: { "content-type": "application/problem+json" },
    });
    expect(bench.routes.calls).toBe(0);
  });

  it("never mixes 100 tenants that come at once", async () => {
    bench.guard = async (facts) => ({ tenant: { tenantId: facts.header("x-tenant") ?? "nobody" } });
    const ids = Array.from({ length: 100 }, (_, index) => `tenant-${index}`);
    const answers = await Promise.all(ids.map((id) => bench.get("/", { headers: { "x-tenant": id } })));
    expect(answers.map(({ text }) => JSON.parse(text) as unknown)).toEqual(
      ids.map((tenantId) => ({ before: { tenantId }, after: { tenantId } })),
    );
    expect(bench.routes.calls).toBe(100);
  });
}

export function streams(bench: AdapterFixture): void {
  it("sends a body as it is produced, for the tenant to the end", async () => {
    const release = hold(bench.routes);
    bench.guard = async () => ({ ...verdict, tenant: { tenantId: "acme" } });
    const response = await open(bench.url("/stream"));
    expect(response.headers).toMatchObject(guardHeaders);
    const seen: string[] = [];
    for await (const chunk of response) {
      // The first bytes are here, and the rest is not made yet.
      if (seen.push(String(chunk)) === 1) release();
    }
    const lines = seen.join("").trimEnd().split("\n");
    expect(lines).toHaveLength(24);
    expect(new Set(lines.map((line) => line.split(" ", 1)[0]))).toEqual(new Set(["acme"]));
  });
}

export function pipelines(bench: AdapterFixture): void {
  it("does not let one tenant's answer drive the stream of the next on the same connection", async () => {
    bench.guard = async (facts) => ({ tenant: { tenantId: facts.header("x-tenant") ?? "nobody" } });
    const raw = await pipelined(bench.url("/stream"), [{ "x-tenant": "first" }, { "x-tenant": "second" }]);
    const producers = [...raw.matchAll(/(\w+) \.{100}/g)].map((match) => match[1]);
    expect(producers).toEqual([
      ...Array.from({ length: 24 }, () => "first"),
      ...Array.from({ length: 24 }, () => "second"),
    ]);
  });
}

export function survivesAborts(bench: AdapterFixture): void {
  it.each<[string, Verdict]>([
    ["passes", { ...verdict, tenant: { tenantId: "acme" } }],
    ["denies", { ...verdict, reply: problem({ title: "No", status: 403 }) }],
  ])("survives a client that left before the guard %s", async (_, late) => {
    let release = (): void => undefined;
    const decided = new Promise<Verdict>((resolve) => {
      release = () => resolve(late);
    });
    const reached = new Promise<void>((resolve) => {
      bench.guard = () => {
        resolve();
        return decided;
      };
    });
    await abandon(bench.url("/"), reached);
    bench.guard = () => ({});
    // One round trip: by then the server has seen the other connection close.
    expect((await bench.get("/")).status).toBe(200);
    release();
    expect((await bench.get("/")).status).toBe(200);
  });
}
