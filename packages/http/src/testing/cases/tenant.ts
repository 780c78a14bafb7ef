import type { TenantContext } from "@scale/core";
import { expect, it } from "vitest";
import { problem } from "../../problem.js";
import type { Verdict } from "../../types.js";
import { type AdapterFixture, guardHeaders, verdict } from "../fixture.js";
import { abortBeforeResponse, disconnectSeen, open, pipelined } from "../client.js";
import { holdStreams } from "../routes.js";

const HOSTILE = [
  "a:b",
  "*",
  "{acme}",
  "__proto__",
  "constructor",
  "\u0430cme",
  "\ud83d\ude80",
  "a\r\nb",
  "x".repeat(1024),
];

export function testTenant(fixture: AdapterFixture): void {
  const as = (tenant: TenantContext) => {
    fixture.guard = async () => ({ tenant });
    return fixture.get("/");
  };

  it("runs the handler for the tenant of the guard, before and after it awaits", async () => {
    const tenant = { tenantId: "acme", userId: "u1", ip: "192.0.2.1" };
    expect(JSON.parse((await as(tenant)).text)).toEqual({ before: tenant, after: tenant });
  });

  it("passes every id unchanged", async () => {
    for (const tenantId of HOSTILE) {
      expect(JSON.parse((await as({ tenantId })).text)).toEqual({ before: { tenantId }, after: { tenantId } });
    }
  });

  it("runs no handler for an invalid id", async () => {
    for (const invalid of ["", "a\0b", "\ud800", "\udc00a", "x".repeat(1025)]) {
      const refused = { status: 400, headers: { "content-type": "application/problem+json" } };
      expect(await as({ tenantId: invalid })).toMatchObject(refused);
      expect(await as({ tenantId: "acme", userId: invalid })).toMatchObject(refused);
    }
    expect(fixture.routes.calls).toBe(0);
  });

  it("never mixes 100 concurrent tenants", async () => {
    fixture.guard = async (facts) => ({ tenant: { tenantId: facts.header("x-tenant") ?? "nobody" } });
    const ids = Array.from({ length: 100 }, (_, index) => `tenant-${index}`);
    const answers = await Promise.all(ids.map((id) => fixture.get("/", { headers: { "x-tenant": id } })));
    expect(answers.map(({ text }) => JSON.parse(text) as unknown)).toEqual(
      ids.map((tenantId) => ({ before: { tenantId }, after: { tenantId } })),
    );
    expect(fixture.routes.calls).toBe(100);
  });
}

export function testStreaming(fixture: AdapterFixture): void {
  it("streams a body while it is produced, for the tenant to the end", async () => {
    const release = holdStreams(fixture.routes);
    fixture.guard = async () => ({ ...verdict, tenant: { tenantId: "acme" } });
    const response = await open(fixture.url("/stream"));
    expect(response.headers).toMatchObject(guardHeaders);
    const seen: string[] = [];
    for await (const chunk of response) {
      // The first bytes have arrived, and the rest is not produced yet.
      if (seen.push(String(chunk)) === 1) release();
    }
    const lines = seen.join("").trimEnd().split("\n");
    expect(lines).toHaveLength(24);
    expect(new Set(lines.map((line) => line.split(" ", 1)[0]))).toEqual(new Set(["acme"]));
  });
}

export function testPipelining(fixture: AdapterFixture): void {
  it("keeps the tenants of pipelined streams on one connection apart", async () => {
    fixture.guard = async (facts) => ({ tenant: { tenantId: facts.header("x-tenant") ?? "nobody" } });
    const raw = await pipelined(fixture.url("/stream"), [{ "x-tenant": "first" }, { "x-tenant": "second" }]);
    const producers = [...raw.matchAll(/(\w+) \.{100}/g)].map((match) => match[1]);
    expect(producers).toEqual([
      ...Array.from({ length: 24 }, () => "first"),
      ...Array.from({ length: 24 }, () => "second"),
    ]);
  });
}

export function testAborts(fixture: AdapterFixture): void {
  it.each<[string, Verdict]>([
    ["passes", { ...verdict, tenant: { tenantId: "acme" } }],
    ["denies", { ...verdict, reply: problem({ title: "No", status: 403 }) }],
  ])("survives a client that disconnected before the guard %s", async (_, late) => {
    let release = (): void => undefined;
    const decided = new Promise<Verdict>((resolve) => {
      release = () => resolve(late);
    });
    let disconnected: Promise<void> | undefined;
    const reached = new Promise<void>((resolve) => {
      fixture.guard = ({ raw }) => {
        disconnected = disconnectSeen(raw);
        resolve();
        return decided;
      };
    });
    await abortBeforeResponse(fixture.url("/"), reached);
    fixture.guard = () => ({});
    await disconnected;
    expect((await fixture.get("/")).status).toBe(200);
    release();
    expect((await fixture.get("/")).status).toBe(200);
  });
}
