import { createDatabase, type RedisServer, startRedis, waitUntil } from "@scale/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from "vitest";
import { type Example, startExample } from "./index.js";
import { type Answer, asTenant, startTestExample, type TestClient, withoutPostgres } from "./testing.js";

const withoutRedis = inject("redisUrl") === "";
const contact = { name: "Zoe", email: "zoe@acme.example" };
const items = ({ body }: Answer): Record<string, unknown>[] => body["items"] as Record<string, unknown>[];
const status = ({ headers }: Answer): string => headers.get("cache-status") ?? "";
const invalidation = ({ headers }: Answer): string | null => headers.get("x-cache-invalidation");
const fromMemory = "crm; hit; detail=memory";

/** Reads until memory answers, which it does once the invalidation bus is confirmed. */
async function untilInMemory(client: TestClient, path: string): Promise<void> {
  const isInMemory = async (): Promise<boolean> => status(await client("GET", path)) === fromMemory;
  await waitUntil(isInMemory, { what: `${path} in memory`, timeoutMs: 3000, everyMs: 50 });
}

// Each test uses its own tenants, on the enterprise plan: 60 requests per second with a burst of 120.
describe.skipIf(withoutPostgres || withoutRedis)("the cache", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_cache");
    await untilInMemory(asTenant(example.url, "fjord-works"), "/contacts");
  });
  afterAll(() => example?.stop());

  const as = (tenantId: string): TestClient => asTenant(example.url, tenantId);

  it("serves repeated reads from memory, with the same body", async () => {
    const amber = as("amber-labs");
    const [{ id } = {}] = items(await amber("GET", "/deals"));
    for (const path of [
      "/deals",
      "/deals?limit=3",
      `/deals/${String(id)}`,
      "/api/dashboard",
      "/contacts/search?q=ada",
    ]) {
      const first = await amber("GET", path);
      await untilInMemory(amber, path);
      expect((await amber("GET", path)).body).toEqual(first.body);
    }
    expect(status(await amber("GET", "/deals?limit=51"))).toBe("crm; fwd=bypass");
    const { pageInfo } = (await amber("GET", "/deals?limit=3")).body as { pageInfo: { endCursor: string } };
    expect(status(await amber("GET", `/deals?after=${pageInfo.endCursor}`))).toBe("crm; fwd=bypass");
    expect(status(await amber("GET", "/contacts/search?q=ada%201"))).toBe("crm; fwd=bypass");
    expect(items(await amber("GET", "/deals?limit=3"))).toHaveLength(3);
  });

  it("warms the entries of a tenant on its first request", async () => {
    const grove = as("grove-labs");
    const warmed = async (): Promise<number> =>
      example.facts().cache.events.find(({ event }) => event === "warm")?.count.total ?? 0;
    const before = await warmed();
    await grove("GET", "/tasks/999999999");
    await waitUntil(async () => (await warmed()) >= before + 5, { what: "five values", timeoutMs: 3000 });
    for (const path of ["/contacts", "/deals", "/invoices", "/tasks", "/api/dashboard"]) {
      expect(status(await grove("GET", path))).toContain("crm; hit");
    }
  });

  it("never serves the old value after a change, under concurrent reads", async () => {
    const amber = as("amber-foods");
    const { body } = await amber("POST", "/contacts", contact);
    const path = `/contacts/${String(body["id"])}`;
    for (let n = 0; n < 15; n++) {
      const reads = [path, "/contacts?limit=5"].map((each) => amber("GET", each));
      const name = `Zoe ${n}`;
      const changed = await amber("PATCH", path, { name });
      expect([changed.status, invalidation(changed)]).toEqual([200, "applied"]);
      expect((await amber("GET", path)).body["name"]).toBe(name);
      expect(items(await amber("GET", "/contacts?limit=5"))[0]).toMatchObject({ id: body["id"], name });
      await Promise.all(reads);
    }
  });

  it("updates the dashboard after every change", async () => {
    const amber = as("amber-motors");
    const stats = async (): Promise<Record<string, unknown>> => (await amber("GET", "/api/dashboard")).body;
    const [{ id: contactId } = {}] = items(await amber("GET", "/contacts"));
    expect(await stats()).toMatchObject({ contacts: 100, tasks: { open: expect.any(Number) } });
    const { deals } = (await stats()) as { deals: Record<string, number> };
    expect((deals["open"] ?? 0) + (deals["won"] ?? 0) + (deals["lost"] ?? 0)).toBe(50);
    const deal = await amber("POST", "/deals", { contactId, title: "Renewal", stage: "open", amountCents: 700 });
    expect(await stats()).toMatchObject({
      deals: { ...deals, open: (deals["open"] ?? 0) + 1, openCents: (deals["openCents"] ?? 0) + 700 },
    });
    await amber("DELETE", `/deals/${String(deal.body["id"])}`);
    expect(await stats()).toMatchObject({ deals });
  });

  it("finds a row that was requested before it was created", async () => {
    const amber = as("amber-studio");
    const { body } = await amber("POST", "/contacts", contact);
    const next = `/contacts/${Number(body["id"]) + 1}`;
    expect((await amber("GET", next)).status).toBe(404);
    expect(status(await amber("GET", next))).toContain("crm; hit");
    expect((await amber("POST", "/contacts", contact)).body["id"]).toBe(Number(body["id"]) + 1);
    expect((await amber("GET", next)).status).toBe(200);
  });

  it("invalidates the rows that are deleted with a contact", async () => {
    const amber = as("amber-works");
    const add = async (path: string, body: object): Promise<number> =>
      Number((await amber("POST", path, body)).body["id"]);
    const contactId = await add("/contacts", contact);
    const dealId = await add("/deals", { contactId, title: "Renewal", stage: "open", amountCents: 100 });
    const due = { dueOn: "2026-02-03" };
    const invoiceId = await add("/invoices", { dealId, status: "draft", amountCents: 100, ...due });
    const taskId = await add("/tasks", { contactId, title: "Call", ...due });
    const paths = [
      ...[`/contacts/${contactId}`, `/deals/${dealId}`, `/invoices/${invoiceId}`, `/tasks/${taskId}`],
    ] as const;
    const lists = ["/contacts", "/deals", "/invoices", "/tasks"];
    for (const path of [...paths, ...lists]) expect((await amber("GET", path)).status).toBe(200);
    expect((await amber("DELETE", `/contacts/${contactId}`)).status).toBe(204);
    for (const path of paths) expect([path, (await amber("GET", path)).status]).toEqual([path, 404]);
    const ids = [contactId, dealId, invoiceId, taskId];
    for (const [n, path] of lists.entries()) {
      expect(items(await amber("GET", path)).map(({ id }) => id)).not.toContain(ids[n]);
    }
  });

  it("separates the entries of tenants", async () => {
    const [amber, fjord] = [as("amber-labs"), as("fjord-labs")];
    const own = items(await amber("GET", "/invoices"))[0]?.["id"];
    expect((await amber("GET", `/invoices/${String(own)}`)).status).toBe(200);
    expect((await fjord("GET", `/invoices/${String(own)}`)).status).toBe(404);
    expect(items(await fjord("GET", "/invoices")).map(({ tenantId }) => tenantId)).not.toContain("amber-labs");
  });

  it("is cleared and warmed by admin requests with the token", async () => {
    const fjord = as("fjord-motors");
    const admin = async (method: string, path: string, token = example.adminToken) => {
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${example.url}/api/admin/cache${path}`, { method, headers });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    await untilInMemory(fjord, "/contacts");
    const emptied = await admin("DELETE", "/fjord-motors");
    expect(emptied).toEqual({ status: 200, body: { tenantId: "fjord-motors", state: "applied" } });
    expect(status(await fjord("GET", "/contacts"))).toBe("crm; fwd=miss");
    expect(await admin("POST", "/fjord-motors/warm")).toMatchObject({ status: 200, body: { loaded: 4, fresh: 1 } });
    expect(status(await fjord("GET", "/deals"))).toContain("crm; hit");
    expect((await admin("GET", "/fjord-motors")).body).toMatchObject({ invalidations: 1 });
    for (const [method, path] of [
      ["GET", ""],
      ["DELETE", ""],
      ["POST", "/warm"],
    ] as const) {
      expect((await admin(method, `/fjord-motors${path}`, "guessed")).status).toBe(403);
      expect((await admin(method, `/nobody${path}`)).status).toBe(403);
    }
  });
});

describe.skipIf(withoutPostgres || withoutRedis)("the caches of two processes", () => {
  let server: RedisServer;
  let both: readonly [Example, Example];
  beforeEach(async () => {
    server = await startRedis();
    const databaseUrl = await createDatabase(inject("postgresUrl"), "saas_caches");
    const options = { databaseUrl, redisUrl: server.url, traffic: false } as const;
    both = [await startExample(options), await startExample(options)];
  });
  afterEach(async () => {
    await Promise.all((both ?? []).map((example) => example.stop()));
    await server?.stop();
  });

  /** Clients of the same tenant, one for each process. */
  const clients = (): [TestClient, TestClient] => [
    asTenant(both[0].url, "amber-labs"),
    asTenant(both[1].url, "amber-labs"),
  ];

  it("share loaded values and invalidate each other's memory", async () => {
    const [one, other] = clients();
    const [{ id } = {}] = items(await one("GET", "/contacts"));
    const path = `/contacts/${String(id)}`;
    expect(status(await one("GET", path))).toBe("crm; fwd=miss");
    expect(status(await other("GET", path))).toBe("crm; hit; detail=redis");
    await untilInMemory(other, path);
    const changed = await one("PATCH", path, { name: "Zoe" });
    expect(invalidation(changed)).toBe("applied");
    const isHeard = async (): Promise<boolean> => (await other("GET", path)).body["name"] === "Zoe";
    await waitUntil(isHeard, { what: "the change in the other process", timeoutMs: 3000, everyMs: 20 });
  });

  it.each(["kill", "pause"] as const)("show a change made while Redis was down, after %s", async (how) => {
    const [one, other] = clients();
    const [{ id } = {}] = items(await one("GET", "/contacts"));
    const path = `/contacts/${String(id)}`;
    await Promise.all([one, other].map((client) => untilInMemory(client, path)));

    await server[how]();
    const changed = await one("PATCH", path, { name: "Zoe" });
    expect([changed.status, invalidation(changed)]).toEqual([200, "queued"]);
    for (let n = 0; n < 5; n++) expect(await one("GET", path)).toMatchObject({ status: 200, body: { name: "Zoe" } });
    const { queuedInvalidations } = both[0].facts().cache;
    expect(queuedInvalidations).toBeGreaterThan(0);

    if (how === "kill") await server.restart();
    else server.resume();
    // Checks from the first response on, because Redis still has the value from before the change.
    const isBack = async (): Promise<boolean> => {
      const answer = await one("GET", path);
      expect(answer).toMatchObject({ status: 200, body: { name: "Zoe" } });
      return status(answer) === fromMemory && both[0].facts().cache.queuedInvalidations === 0;
    };
    await waitUntil(isBack, { what: "the cache", timeoutMs: 5000, everyMs: 20 });
    // By now the other process received the invalidation, or dropped its memory because it may have missed one.
    const isHeard = async (): Promise<boolean> => (await other("GET", path)).body["name"] === "Zoe";
    await waitUntil(isHeard, { what: "the change in the other process", timeoutMs: 3000, everyMs: 20 });
    expect(both[0].facts().errors.total).toBe(0);
    expect(invalidation(await one("PATCH", path, { name: "Yan" }))).toBe("applied");
  });
});

describe.skipIf(withoutPostgres)("the cache without Redis", () => {
  const before = process.env["SCALE_TEST_REDIS"];
  afterEach(() => {
    if (before === undefined) delete process.env["SCALE_TEST_REDIS"];
    else process.env["SCALE_TEST_REDIS"] = before;
  });

  it("stays in this process", async () => {
    process.env["SCALE_TEST_REDIS"] = "/nowhere/redis-server";
    const example = await startTestExample("saas_cache_alone");
    onTestFinished(() => example.stop());
    const amber = asTenant(example.url, "amber-labs");
    const [{ id } = {}] = items(await amber("GET", "/contacts"));
    expect(status(await amber("GET", "/contacts"))).toBe(fromMemory);
    expect(invalidation(await amber("PATCH", `/contacts/${String(id)}`, { name: "Zoe" }))).toBe("applied");
    expect(items(await amber("GET", "/contacts"))[0]).toMatchObject({ name: "Zoe" });
  });
});
