import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "./index.js";
import { asTenant, startTestExample, withoutPostgres } from "./testing.js";

describe.skipIf(withoutPostgres)("the limits of groups", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_groups");
  });
  afterAll(() => example?.stop());

  /** Starts an export, which pauses after its first page until it is aborted. */
  async function beginExport(tenantId: string) {
    const controller = new AbortController();
    const headers = { "x-tenant-id": tenantId };
    const url = `${example.url}/contacts/export?pause=10`;
    const response = await fetch(url, { headers, signal: controller.signal });
    return { response, abort: () => controller.abort() };
  }

  it("admit two concurrent exports of a tenant, and a third when one has ended", async () => {
    const running = [await beginExport("birch-labs"), await beginExport("birch-labs")];
    expect(running.map(({ response }) => response.status)).toEqual([200, 200]);
    const third = await asTenant(example.url, "birch-labs")("GET", "/contacts/export?pause=10");
    expect(third).toMatchObject({ status: 429, body: { "violated-policies": ["export.running"] } });
    const other = await beginExport("grove-labs");
    expect(other.response.status).toBe(200);

    running[0]?.abort();
    let next = await beginExport("birch-labs");
    // The server notices the disconnect with a delay.
    for (let n = 0; n < 20 && next.response.status === 429; n++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      next = await beginExport("birch-labs");
    }
    expect(next.response.status).toBe(200);
    for (const { abort } of [...running, other, next]) abort();
  });

  it("export every contact as one line", async () => {
    const response = await fetch(`${example.url}/contacts/export`, { headers: { "x-tenant-id": "cedar-labs" } });
    expect(response.headers.get("content-type")).toContain("application/x-ndjson");
    const rows = (await response.text())
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { tenantId: string });
    expect(rows).toHaveLength(100);
    expect(new Set(rows.map(({ tenantId }) => tenantId))).toEqual(new Set(["cedar-labs"]));
  });

  it("deny the fourth export in a minute on the free plan, and suggest the next plan", async () => {
    const free = asTenant(example.url, "delta-labs");
    const text = async (): Promise<number> => {
      const response = await fetch(`${example.url}/contacts/export`, { headers: { "x-tenant-id": "delta-labs" } });
      await response.text();
      return response.status;
    };
    expect([await text(), await text(), await text()]).toEqual([200, 200, 200]);
    expect(await free("GET", "/contacts/export")).toMatchObject({
      status: 429,
      body: {
        "violated-policies": ["export.tenant"],
        upgrade: { to: "basic", limits: [{ name: "export.tenant", limit: 6, windowMs: 60_000 }] },
      },
    });
    // A denial of the group does not affect other requests.
    expect((await free("GET", "/contacts?limit=1")).status).toBe(200);
  });

  it("search the contacts of one tenant, mostly decided from leased units without Redis", async ({ skip }) => {
    const amber = asTenant(example.url, "amber-labs");
    const decisions = async (by: string): Promise<number> =>
      example.facts().decidedBy.find((row) => row.by === by)?.decisions.total ?? 0;
    const found = await amber("GET", "/contacts/search?q=ADA%2014");
    expect(found.body["items"]).toMatchObject([{ tenantId: "amber-labs", name: "Ada 14" }]);
    expect((await amber("GET", "/contacts/search?q=%25")).body["items"]).toEqual([]);
    expect((await amber("GET", "/contacts/search")).status).toBe(400);
    if (example.components.limitStore.is === "memory") skip("the memory store grants no leases");
    for (let n = 0; n < 5; n++) await amber("GET", "/contacts/search?q=a");
    expect(await decisions("lease")).toBeGreaterThanOrEqual(3);
  });

  it("repeat a denial from the denial cache", async ({ skip }) => {
    if (example.components.limitStore.is === "memory") skip("the memory store does not use the denial cache");
    const free = asTenant(example.url, "ember-works");
    for (let n = 0; n < 20; n++) await free("GET", "/contacts?limit=1");
    const { decidedBy } = example.facts();
    expect(decidedBy.find(({ by }) => by === "denial-cache")?.decisions.total).toBeGreaterThan(5);
  });

  it("admit searches while Redis is down, and count exports in this process", async ({ skip }) => {
    const { limitStore } = example.components;
    if (limitStore.is === "memory" || limitStore.server === undefined) skip("no Redis server program found");
    const server = limitStore.is === "redis" ? limitStore.server : undefined;
    const ask = asTenant(example.url, "iris-works");
    await server?.kill();
    expect((await ask("GET", "/contacts/search?q=a")).status).toBe(200);
    const { decidedBy, errors } = example.facts();
    await server?.restart();
    expect(decidedBy.find(({ by }) => by === "policy")?.decisions.total).toBe(1);
    expect(errors.total).toBe(0);
  });
});
