import { waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "./index.js";
import { type Answer, asTenant, startTestExample, type TestClient, withoutPostgres } from "./testing.js";

const contact = { name: "Zoe", email: "zoe@acme.example" };
const items = ({ body }: Answer): { id: number }[] => body["items"] as { id: number }[];
const idOf = ({ body }: Answer): string => String(body["id"]);
const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).sort((a, b) => a - b);

// Each test uses its own tenant, on the free plan: three requests per second with a burst of six.
describe.skipIf(withoutPostgres)("the quotas", () => {
  let example: Example;
  beforeAll(async () => {
    example = await startTestExample("saas_quota");
  });
  afterAll(() => example?.stop());

  const as = (tenantId: string): TestClient => asTenant(example.url, tenantId);

  interface Status {
    readonly used: number;
    readonly held: number;
    readonly limit: number | null;
    readonly remaining: number | null;
  }

  async function statusOf(tenantId: string, token = example.adminToken) {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${example.url}/api/admin/quotas/${tenantId}`, { headers });
    const body = (await response.json()) as { metrics: Record<"contacts" | "deals" | "emails", Status> };
    return { status: response.status, ...body };
  }
  async function used(tenantId: string, metric: "contacts" | "deals" | "emails"): Promise<number> {
    let status = await statusOf(tenantId);
    // On a busy machine Redis may answer after its deadline: 503.
    const isRead = async (): Promise<boolean> => (status = await statusOf(tenantId)).status === 200;
    if (status.status !== 200) await waitUntil(isRead, { what: "the quotas", timeoutMs: 5000 });
    return status.metrics[metric].used;
  }

  /** Inserts rows without the quota, like rows from before it existed. The first use counts them. */
  async function addContacts(tenantId: string, count: number): Promise<void> {
    await example.components.database.pool.query(
      "insert into crm.contacts (tenant_id, name, email) select $1, 'Old', 'old@a.example' from generate_series(1, $2)",
      [tenantId, count],
    );
  }
  const countRows = async (table: "contacts" | "deals" | "emails", tenantId: string): Promise<number> => {
    const { pool } = example.components.database;
    // Jobs write the e-mails of submissions into the same table.
    const own = table === "emails" ? "and subject = 'Hello'" : "";
    const text = `select count(*)::int as n from crm.${table} where tenant_id = $1 ${own}`;
    const { rows } = await pool.query(text, [tenantId]);
    return rows[0]?.n;
  };

  it("refuse a contact above the limit with 402, and suggest the next plan", async () => {
    await addContacts("delta-labs", 5);
    const refused = await as("delta-labs")("POST", "/contacts", contact);
    expect(refused.status).toBe(402);
    expect(refused.headers.get("content-type")).toBe("application/problem+json");
    expect(refused.body).toMatchInlineSnapshot(`
      {
        "code": "SCALE_QUOTA",
        "detail": "The plan free admits 105 of contacts: 105 are used, and 1 more were requested. The plan basic has room for that.",
        "held": 0,
        "limit": 105,
        "max": 105,
        "metric": "contacts",
        "plan": "free",
        "requested": 1,
        "status": 402,
        "title": "Payment Required",
        "upgrade": {
          "from": "free",
          "to": "basic",
          "url": "https://crm.example/billing?plan=basic",
        },
        "used": 105,
      }
    `);
    expect(await countRows("contacts", "delta-labs")).toBe(105);
    const row = example.facts().quotas.nearestToLimit.find(({ tenantId }) => tenantId === "delta-labs");
    expect(row).toMatchObject({ metric: "contacts", used: 105, limit: 105, refused: { total: 1 }, upgrade: "basic" });
  });

  it("admit exactly one of two concurrent requests at the limit", async () => {
    await addContacts("ember-labs", 4);
    const create = () => as("ember-labs")("POST", "/contacts", contact);
    expect(statuses(await Promise.all([create(), create()]))).toEqual([201, 402]);
    expect(await countRows("contacts", "ember-labs")).toBe(105);
    expect(await used("ember-labs", "contacts")).toBe(105);
  });

  it("admit again after a deletion", async () => {
    await addContacts("iris-labs", 4);
    const iris = as("iris-labs");
    const last = await iris("POST", "/contacts", contact);
    expect(last.status).toBe(201);
    expect((await iris("POST", "/contacts", contact)).status).toBe(402);
    expect((await iris("DELETE", `/contacts/${idOf(last)}`)).status).toBe(204);
    expect((await iris("POST", "/contacts", contact)).status).toBe(201);
    expect((await iris("DELETE", "/contacts/999999999")).status).toBe(404);
    expect(await used("iris-labs", "contacts")).toBe(105);
  });

  it("count the deals that go with a contact", async () => {
    const juniper = as("juniper-labs");
    const { id } = items(await juniper("GET", "/contacts?limit=1"))[0] ?? { id: 0 };
    const deal = { contactId: id, title: "Pilot", stage: "open", amountCents: 1 };
    expect((await juniper("POST", "/deals", deal)).status).toBe(201);
    expect((await juniper("DELETE", `/contacts/${id}`)).status).toBe(204);
    const { metrics } = await statusOf("juniper-labs");
    expect(metrics.deals.used).toBe(await countRows("deals", "juniper-labs"));
    expect(metrics.contacts.used).toBe(99);
  });

  /** Begins a transaction, runs the request until it waits for that, and ends it. */
  async function meanwhile(statements: readonly string[], request: () => Promise<Answer>): Promise<Answer> {
    const { pool } = example.components.database;
    const client = await pool.connect();
    const [first = "", ...later] = statements;
    const waits = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    try {
      await client.query(`begin; ${first}`);
      const answer = request();
      await waitUntil(async () => (await pool.query(waits)).rows.length > 0, { what: "a request that waits" });
      await client.query([...later, "commit"].join(";"));
      return await answer;
    } finally {
      client.release();
    }
  }

  it("count a deal that is added while its contact is deleted", async () => {
    const delta = as("delta-works");
    const { id } = items(await delta("GET", "/contacts?limit=1"))[0] ?? { id: 0 };
    const deal = { contactId: id, title: "Pilot", stage: "open", amountCents: 1 };
    expect((await delta("POST", "/deals", deal)).status).toBe(201);
    // The two statements of the app for the same request.
    const insert = `insert into crm.deals (tenant_id, contact_id, title, stage, amount_cents)
      values ('delta-works', ${id}, 'Late', 'open', 1)`;
    const count =
      "update crm.scale_quota_rows set used = used + 1 where tenant_id = 'delta-works' and metric = 'deals'";
    const deleted = await meanwhile([insert, count], () => delta("DELETE", `/contacts/${id}`));
    expect(deleted.status).toBe(204);
    expect(await used("delta-works", "deals")).toBe(await countRows("deals", "delta-works"));
  });

  it("stay exact when contacts are deleted while deals are added", async () => {
    const amber = as("cedar-labs");
    const added = await Promise.all(Array.from({ length: 3 }, () => amber("POST", "/contacts", contact)));
    const answers = await Promise.all(
      added.flatMap((one) => {
        const deal = { contactId: Number(idOf(one)), title: "Pilot", stage: "open", amountCents: 1 };
        return [
          amber("POST", "/deals", deal),
          amber("DELETE", `/contacts/${idOf(one)}`),
          amber("POST", "/deals", deal),
        ];
      }),
    );
    // 400: the contact was already deleted.
    for (const { status } of answers) expect([201, 204, 400]).toContain(status);
    expect(await used("cedar-labs", "deals")).toBe(await countRows("deals", "cedar-labs"));
    expect(await used("cedar-labs", "contacts")).toBe(100);
  });

  it("do not affect other tenants, and do not count a failed insert", async () => {
    const foods = as("delta-foods");
    expect((await foods("POST", "/contacts", contact)).status).toBe(201);
    const deal = { contactId: 999_999_999, title: "Pilot", stage: "open", amountCents: 1 };
    expect((await foods("POST", "/deals", deal)).status).toBe(400);
    expect(await used("delta-foods", "contacts")).toBe(101);
    expect(await used("delta-foods", "deals")).toBe(50);
    expect(await used("ember-foods", "contacts")).toBe(100);
  });

  it("refuse nothing on the largest plan", async () => {
    await addContacts("amber-labs", 300);
    expect((await as("amber-labs")("POST", "/contacts", contact)).status).toBe(201);
    expect((await statusOf("amber-labs")).metrics.contacts).toMatchObject({ limit: null, remaining: null });
  });

  it("are visible only with the admin token", async () => {
    expect(await statusOf("harbor-labs")).toMatchObject({
      status: 200,
      tenantId: "harbor-labs",
      metrics: {
        contacts: { plan: "basic", kind: "hard", used: 100, limit: 500, max: 500, remaining: 400, exact: true },
        deals: { used: 50, limit: 250 },
        emails: { kind: "soft", unit: "e-mails", used: 0, limit: 50, max: 60, resetsAt: expect.stringMatching(/-01T/) },
      },
    });
    expect((await statusOf("harbor-labs", "guess")).status).toBe(403);
    expect((await fetch(`${example.url}/api/admin/quotas/harbor-labs`)).status).toBe(403);
    expect((await statusOf("nobody")).status).toBe(404);
  });

  describe("of e-mails", () => {
    const email = { subject: "Hello", body: "How are you?" };
    // oxlint-disable-next-line max-params -- the body is rarely passed
    async function send(tenantId: string, key: string, path?: string, body: object = email): Promise<Answer> {
      const headers = { "idempotency-key": key };
      const { rows } = await example.components.database.pool.query(
        "select id from crm.contacts where tenant_id = $1 limit 1",
        [tenantId],
      );
      return asTenant(example.url, tenantId)("POST", path ?? `/contacts/${rows[0]?.id}/email`, body, headers);
    }

    it("count a repeated request once, and send one e-mail", async () => {
      const both = await Promise.all([send("iris-foods", "welcome-7"), send("iris-foods", "welcome-7")] as const);
      expect(statuses(both)).toEqual([202, 202]);
      expect(idOf(both[0])).toBe(idOf(both[1]));
      expect(await countRows("emails", "iris-foods")).toBe(1);
      expect((await statusOf("iris-foods")).metrics.emails).toMatchObject({ used: 1, held: 0 });
      expect((await send("iris-foods", "welcome-8")).status).toBe(202);
      expect(await used("iris-foods", "emails")).toBe(2);
      expect(await used("juniper-foods", "emails")).toBe(0);
    });

    it("refuse a key that was used for another e-mail, one after the other and at once", async () => {
      const first = await send("iris-motors", "k-1");
      expect(first.status).toBe(202);
      const other = { ...email, body: "I am fine." };
      expect(await send("iris-motors", "k-1", undefined, other)).toMatchObject({ status: 422 });
      const { rows } = await example.components.database.pool.query(
        "select max(id) as id from crm.contacts where tenant_id = 'iris-motors'",
      );
      expect(await send("iris-motors", "k-1", `/contacts/${rows[0]?.id}/email`)).toMatchObject({ status: 422 });
      const both = await Promise.all([
        send("iris-motors", "k-2"),
        send("iris-motors", "k-2", undefined, other),
      ] as const);
      expect(statuses(both)).toEqual([202, 422]);
      expect(await countRows("emails", "iris-motors")).toBe(2);
      expect((await statusOf("iris-motors")).metrics.emails).toMatchObject({ used: 2, held: 0 });
    });

    it("send nothing more by a key whose contact was deleted", async () => {
      const as = asTenant(example.url, "iris-studio");
      const headers = { "idempotency-key": "again" };
      const sent: Answer[] = [];
      for (let n = 0; n < 3; n++) {
        const { body } = await as("POST", "/contacts", contact);
        const path = `/contacts/${String(body["id"])}`;
        sent.push(await as("POST", `${path}/email`, email, headers));
        expect((await as("DELETE", path)).status).toBe(204);
        // The record answers for the first contact, and refuses the key for the others.
        sent.push(await as("POST", `${path}/email`, email, headers));
        await new Promise((resolve) => setTimeout(resolve, 1400)); // The plan admits three requests a second.
      }
      expect(sent.map(({ status }) => status)).toEqual([202, 202, 422, 422, 422, 422]);
      expect(sent[1]?.body).toEqual(sent[0]?.body);
      expect(await countRows("emails", "iris-studio")).toBe(1);
      expect(await used("iris-studio", "emails")).toBe(1);
    });

    it("reserve nothing for a request that fails validation", async () => {
      expect((await send("juniper-motors", "x", "/contacts/999999999/email")).status).toBe(404);
      expect((await send("juniper-motors", "")).status).toBe(400);
      expect((await statusOf("juniper-motors")).metrics.emails).toMatchObject({ used: 0, held: 0 });
    });

    it("release the reservation when the contact was deleted meanwhile", async () => {
      const newest = "select max(id) from crm.contacts where tenant_id = 'juniper-works'";
      const { rows } = await example.components.database.pool.query(newest);
      const remove = `delete from crm.contacts where tenant_id = 'juniper-works' and id = ${rows[0]?.max}`;
      const path = `/contacts/${rows[0]?.max}/email`;
      const answer = await meanwhile([remove], () => send("juniper-works", "late", path));
      expect(answer).toMatchObject({ status: 404, body: { detail: "there is no such contact" } });
      expect((await statusOf("juniper-works")).metrics.emails).toMatchObject({ used: 0, held: 0 });
    });

    it("are sent while Redis is down and counted when it is back, on top of what Postgres restores", async ({
      skip,
    }) => {
      const { limitStore, database } = example.components;
      if (limitStore.is === "memory" || limitStore.server === undefined) skip("no Redis server program found");
      const server = limitStore.is === "redis" ? limitStore.server : undefined;
      const written = async (): Promise<boolean> => {
        const sql = "select units from crm.scale_quota_usage where tenant_id = 'juniper-studio' and units = '1'";
        return (await database.pool.query(sql)).rows.length === 1;
      };
      expect((await send("juniper-studio", "first")).status).toBe(202);
      await waitUntil(written, { what: "the count in Postgres", timeoutMs: 5000 });

      await server?.kill();
      expect((await send("juniper-studio", "second")).status).toBe(202);
      expect(example.facts().quotas.storeFailures.total).toBeGreaterThan(0);
      await server?.restart();
      const isBack = async (): Promise<boolean> => (await statusOf("juniper-studio")).status === 200;
      await waitUntil(isBack, { what: "Redis", timeoutMs: 5000 });
      // The commit of the second e-mail is repeated until Redis answers it.
      const bothCount = async (): Promise<boolean> => (await used("juniper-studio", "emails")) === 2;
      await waitUntil(bothCount, { what: "the count of both e-mails", timeoutMs: 5000 });
      expect(await countRows("emails", "juniper-studio")).toBe(2);
      expect(example.facts().errors.total).toBe(0);
    });

    it("admit the overage of a soft limit, and then suggest the larger plan", async () => {
      const answers: Answer[] = [];
      // The plan admits eight requests per second with a burst of 16, so wait after each 429.
      for (let n = 0; n < 61; ) {
        const answer = await send("cedar-works", `mail-${n}`);
        if (answer.status === 429) await new Promise((resolve) => setTimeout(resolve, 200));
        else n = answers.push(answer);
      }
      expect(statuses(answers)).toEqual([...Array.from({ length: 60 }, () => 202), 402]);
      expect(answers[60]?.body).toMatchObject({
        metric: "emails",
        ...{ plan: "basic", limit: 50, max: 60, used: 60 },
        resetsAt: expect.stringMatching(/-01T00:00:00.000Z$/),
        upgrade: { from: "basic", to: "professional", url: "https://crm.example/billing?plan=professional" },
      });
      expect(example.facts().quotas.overage.total).toBe(10);
    });
  });
});
