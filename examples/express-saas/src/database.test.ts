import { type RouteChosen, routeChoose } from "@scale/db-router";
import { type PostgresNode, waitUntil } from "@scale/testkit";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Example, startExample } from "./index.js";
import { type Answer, asTenant, type TestClient, withoutPostgres } from "./testing.js";

const contact = { name: "Zoe", email: "zoe@acme.example" };
const items = ({ body }: Answer): Record<string, unknown>[] => body["items"] as Record<string, unknown>[];
const cursorOf = ({ body }: Answer): string => (body["pageInfo"] as { endCursor: string }).endCursor;
const idOf = ({ body }: Answer): string => String(body["id"]);
const token = ({ headers }: Answer): string => headers.get("x-db-token") ?? "";

// Each test uses its own tenants.
describe.skipIf(withoutPostgres)("the database", () => {
  let example: Example;
  let replicas: readonly PostgresNode[];
  beforeAll(async () => {
    example = await startExample({ traffic: false });
    replicas = example.components.database.server?.replicas ?? [];
  });
  afterAll(() => example?.stop());
  afterEach(() => Promise.all(replicas.map((replica) => replica.resumeReplay())));

  const as = (tenantId: string): TestClient => asTenant(example.url, tenantId);
  const pause = (): Promise<unknown> => Promise.all(replicas.map((replica) => replica.pauseReplay()));
  const served = async (): Promise<boolean> =>
    example.facts().database.nodes.every(({ serves, lagBytes }) => serves !== "nothing" && !lagBytes);
  const caughtUp = (): Promise<unknown> => waitUntil(served, { what: "replicas without lag", everyMs: 50 });

  /** The job of the first submission of a tenant, without a user, runs statements for the tenant until its e-mail is sent. */
  async function isMailSent(tenantId: string): Promise<boolean> {
    const { pool } = example.components.database;
    return Number((await pool.query("select from crm.emails where tenant_id = $1", [tenantId])).rowCount) > 0;
  }

  /** Returns target and reason of the statements that `work` runs, such as `primary write`. */
  async function routesOf(work: () => Promise<unknown>, tenantId?: string): Promise<Set<string>> {
    const routes: RouteChosen[] = [];
    const end = routeChoose.subscribe((route) => void routes.push(route));
    await work();
    end();
    const ours = routes.filter((route) => route.tenantId === tenantId);
    return new Set(ours.map(({ to, reason }) => `${to} ${reason}`));
  }

  it("has a primary and two replicas, and serves reads on both", async () => {
    await caughtUp();
    const { nodes } = example.facts().database;
    expect(nodes.map(({ name, role, serves }) => [name, role, serves])).toEqual([
      ["primary", "primary", "writes"],
      ["replica-1", "replica", "reads"],
      ["replica-2", "replica", "reads"],
    ]);
    const amber = as("amber-labs");
    const cursor = cursorOf(await amber("GET", "/contacts?limit=10"));
    for (let n = 0; n < 6; n++) await amber("GET", `/contacts?limit=5&after=${cursor}`);
    const { database } = example.facts();
    for (const { reads } of database.nodes.slice(1)) expect(reads.total).toBeGreaterThanOrEqual(2);
  });

  it("loads cached values from the primary, and runs all other reads on replicas", async () => {
    const amber = as("amber-foods");
    const first = await amber("GET", "/contacts?limit=10");
    await amber("POST", "/contacts", contact);
    await waitUntil(() => isMailSent("amber-foods"), { what: "the job of the submission" });
    await caughtUp();
    // The change invalidated the warmed values, so that they are loaded again.
    const kept = ["/contacts?limit=10", `/contacts/${String(items(first)[0]?.["id"])}`, "/contacts/search?q=ada"];
    for (const path of kept) {
      expect([path, await routesOf(() => amber("GET", path), "amber-foods")]).toEqual([
        path,
        new Set(["primary pinned"]),
      ]);
    }
    const rest = [
      ...[`/contacts?after=${cursorOf(first)}`, "/contacts?limit=60", "/contacts/search?q=Ada%201"],
      "/contacts/export",
    ];
    for (const path of rest) {
      const read = async (): Promise<void> => {
        const headers = { "x-tenant-id": "amber-foods" };
        await (await fetch(example.url + path, { headers })).text();
      };
      expect([path, await routesOf(read, "amber-foods")]).toEqual([path, new Set(["replica read"])]);
    }
  });

  it("changes and counts rows on the primary, and looks plans up on a replica", async () => {
    await caughtUp();
    const amber = as("amber-motors");
    // The plan is looked up outside the tenant, whose concurrency depends on it.
    const looked = await routesOf(() => amber("GET", "/tasks/999999999"));
    // The relay of jobs asks its outbox in transactions meanwhile.
    looked.delete("primary transaction");
    expect(looked).toEqual(new Set(["replica read"]));
    const cedar = as("cedar-motors");
    await cedar("GET", "/contacts/999999999");
    const routes = await routesOf(async () => {
      const added = await cedar("POST", "/contacts", contact);
      expect(added.status).toBe(201);
      expect((await cedar("DELETE", `/contacts/${idOf(added)}`)).status).toBe(204);
    }, "cedar-motors");
    expect(routes).toContain("primary transaction");
    expect([...routes].filter((route) => route.startsWith("replica"))).toEqual([]);
  });

  it("shows a client its own writes while replay is paused, and other clients the state of the replica", async () => {
    const amber = as("amber-studio");
    const cursor = cursorOf(await amber("GET", "/contacts?limit=10"));
    const path = `/contacts?limit=1&after=${cursor}`;
    const { id } = items(await amber("GET", path))[0] ?? {};
    await caughtUp();
    await pause();
    const before = example.facts().database.routes.find(({ reason }) => reason === "recent-write");

    // A client that wrote nothing reads on the paused replica. Checked first: the replica stops serving when its lag grows.
    expect((await amber("PATCH", `/contacts/${String(id)}`, { name: "Zoe" })).status).toBe(200);
    expect(items(await amber("GET", path))[0]?.["name"]).not.toContain("Zoe");
    for (let n = 0; n < 20; n++) {
      const name = `Zoe ${n}`;
      const changed = await amber("PATCH", `/contacts/${String(id)}`, { name });
      expect(changed.status).toBe(200);
      const brought = { "x-db-token": token(changed) };
      expect(items(await amber("GET", path, undefined, brought))[0]).toMatchObject({ name });
      const cookie = changed.headers.get("set-cookie")?.split(";")[0] ?? "";
      expect(items(await amber("GET", path, undefined, { cookie }))[0]).toMatchObject({ name });
      // Another client sees the change in a cached value, which is loaded from the primary.
      expect((await as("amber-studio")("GET", `/contacts/${String(id)}`)).body["name"]).toBe(name);
    }
    const { database, errors } = example.facts();
    const held = database.routes.find(({ reason }) => reason === "recent-write");
    expect((held?.count.total ?? 0) - (before?.count.total ?? 0)).toBeGreaterThanOrEqual(40);
    expect(errors.total).toBe(0);
  });

  it("finds a contact that another client has just added", async () => {
    await caughtUp();
    await pause();
    const added = await as("amber-works")("POST", "/contacts", contact);
    const send = async (id: string): Promise<number> => {
      const body = { subject: "Hello", body: "How are you?" };
      const headers = { "idempotency-key": `welcome-${id}` };
      return (await as("amber-works")("POST", `/contacts/${id}/email`, body, headers)).status;
    };
    expect(await send(idOf(added))).toBe(202);
    expect(await send("999999999")).toBe(404);
  });

  it("caches no stale replica row in another process after a change", async () => {
    const { database, limitStore } = example.components;
    const redisUrl = limitStore.is === "redis" ? limitStore.server?.url : undefined;
    const other = await startExample({
      ...{ databaseUrl: database.server?.url ?? "", replicaUrls: replicas.map(({ url }) => url), traffic: false },
      ...(redisUrl !== undefined && { redisUrl }),
    });
    try {
      const [here, there] = [as("fjord-labs"), asTenant(other.url, "fjord-labs")];
      const { id } = items(await there("GET", "/contacts"))[0] ?? {};
      const path = `/contacts/${String(id)}`;
      await there("GET", path);
      await caughtUp();
      await pause();
      expect((await here("PATCH", path, { name: "Zoe" })).status).toBe(200);
      const isHeard = async (): Promise<boolean> => (await there("GET", path)).body["name"] === "Zoe";
      await waitUntil(isHeard, { what: "the change in the other process", timeoutMs: 4000, everyMs: 20 });
      expect(items(await there("GET", "/contacts"))[0]).toMatchObject({ id, name: "Zoe" });
    } finally {
      await other.stop();
    }
  });

  it("queues a tenant at the concurrency of its plan, and serves other tenants", async () => {
    const { pool } = example.components.database;
    const birch = as("cedar-labs");
    // The first use counts the rows of the tenant, which creates the counter row to lock.
    expect((await birch("POST", "/contacts", contact)).status).toBe(201);
    const client = await pool.connect();
    try {
      await client.query("begin");
      await client.query("select from crm.scale_quota_rows where tenant_id = 'cedar-labs' for update");
      const stuck = Array.from({ length: 3 }, () => birch("POST", "/contacts", contact));
      const LOCK_WAITS = "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
      await waitUntil(async () => (await client.query(LOCK_WAITS)).rowCount === 3, {
        what: "three requests at the lock",
      });
      const waits = async (): Promise<number> => example.facts().database.waits.total;
      const before = await waits();
      const late = birch("GET", "/contacts?limit=60");
      expect(await late).toMatchObject({ status: 503, body: { code: "SCALE_STORE" } });
      expect(await waits()).toBeGreaterThan(before);
      expect((await as("cedar-foods")("POST", "/contacts", contact)).status).toBe(201);
      await client.query("commit");
      expect((await Promise.all(stuck)).map(({ status }) => status)).toEqual([201, 201, 201]);
    } finally {
      client.release();
    }
    const row = example.facts().database.tenants.find(({ tenantId }) => tenantId === "cedar-labs");
    expect(row).toMatchObject({ plan: "basic", maxConcurrency: 3 });
    // Jobs of the tenant share its connections.
    expect(row?.refused.total).toBeGreaterThanOrEqual(1);
  });

  it("answers every read that hangs on a frozen replica, and every read queued for it", async () => {
    await caughtUp();
    for (const replica of replicas) replica.pause();
    // More reads than the concurrency of the plan, of a tenant whose plan is not yet known.
    const reads = Array.from({ length: 8 }, () => as("harbor-works")("GET", "/contacts/search?q=Ada%201"));
    const answers = await Promise.all(reads);
    for (const replica of replicas) replica.resume();
    expect(answers.map(({ status }) => status)).toEqual(reads.map(() => 200));
    await caughtUp();
  });

  it("serves the state of the servers to requests with the admin token", async () => {
    const ask = (value: string) =>
      fetch(`${example.url}/api/admin/database`, { headers: { authorization: `Bearer ${value}` } });
    expect((await ask("guessed")).status).toBe(403);
    const { health, stats } = (await (await ask(example.adminToken)).json()) as Record<string, { nodes: unknown }>;
    expect(health).toMatchObject({ isWritable: true, nodes: [{ name: "primary" }, {}, {}] });
    expect(stats).toMatchObject({ routes: { write: expect.any(Number) } });
  });
});

describe.skipIf(withoutPostgres)("a lost database server", () => {
  let example: Example;
  const reported: string[] = [];
  beforeAll(async () => {
    const onError = (error: unknown): void => void reported.push(String(error));
    example = await startExample({ traffic: { requestsPerSecond: 100 }, onError });
  });
  afterAll(() => example?.stop());

  const states = async (): Promise<string[]> => example.facts().database.nodes.map(({ serves }) => serves);
  const until = (expected: string): Promise<unknown> =>
    waitUntil(async () => (await states()).join(" ") === expected, { what: expected, timeoutMs: 10_000, everyMs: 20 });

  it.each(["kill", "pause"] as const)(
    "is a replica: no request fails after %s, and the replica returns",
    async (how) => {
      const [replica] = example.components.database.server?.replicas ?? [];
      const amber = asTenant(example.url, "fjord-works");
      const first = await amber("GET", "/contacts?limit=10");
      expect(first).toMatchObject({ status: 200 });
      const cursor = cursorOf(first);
      const read = async (): Promise<number> => (await amber("GET", `/contacts?limit=5&after=${cursor}`)).status;
      await until("writes reads reads");
      await replica?.[how]();
      for (let n = 0; n < 20; n++) expect(await read()).toBe(200);
      await until("writes nothing reads");
      if (how === "kill") await replica?.start();
      else replica?.resume();
      await until("writes reads reads");
      const { errors } = example.facts();
      expect(errors.total, reported.join("\n")).toBe(0);
    },
  );

  it("is every replica: the primary serves reads, and the process stays ready", async () => {
    const replicas = example.components.database.server?.replicas ?? [];
    await Promise.all(replicas.map((replica) => replica.kill()));
    await until("writes nothing nothing");
    const isWarned = async (): Promise<boolean> =>
      (await (await fetch(`${example.url}/readyz`)).text()) === '{"status":"warn"}';
    await waitUntil(isWarned, { what: "a warning", timeoutMs: 5000 });
    expect((await fetch(`${example.url}/api/health/database`)).status).toBe(200);
    const instead = async (): Promise<number> =>
      example.facts().database.routes.find(({ reason }) => reason === "no-healthy-replica")?.count.total ?? 0;
    await waitUntil(async () => (await instead()) > 0, { what: "reads on the primary" });
    expect(example.facts().errors.total, reported.join("\n")).toBe(0);
  });

  it("is the primary too: the check of the database fails, the process stays ready, and writes get SCALE_NO_PRIMARY", async () => {
    // The plan must be known before: without a database it cannot be looked up.
    expect((await asTenant(example.url, "fjord-labs")("GET", "/contacts?limit=10")).status).toBe(200);
    await example.components.database.server?.primary.kill();
    const isUnavailable = async (): Promise<boolean> =>
      (await fetch(`${example.url}/api/health/database`)).status === 503;
    await waitUntil(isUnavailable, { what: "503", timeoutMs: 5000 });
    expect((await fetch(`${example.url}/readyz`)).status).toBe(200);
    const answer = await asTenant(example.url, "fjord-labs")("POST", "/contacts", contact);
    expect(answer).toMatchObject({ status: 503, body: { code: "SCALE_NO_PRIMARY" } });
  });
});
