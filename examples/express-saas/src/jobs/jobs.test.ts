import { waitUntil } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Example } from "../index.js";
import { asTenant, startTestExample, type TestClient, withoutPostgres } from "../testing.js";
import type { JobsState } from "./state.js";

let example: Example;
beforeAll(async () => {
  if (!withoutPostgres) example = await startTestExample("saas_jobs");
});
afterAll(() => example?.stop());

const admin = (): HeadersInit => ({ authorization: `Bearer ${example.adminToken}` });

async function stateOf(): Promise<JobsState> {
  const response = await fetch(`${example.url}/api/admin/jobs`, { headers: admin() });
  return (await response.json()) as JobsState;
}

/** Rows of the table in which the example keeps the e-mails that it sent. */
async function emailsOf(
  tenantId: string,
): Promise<readonly { readonly request_id: string; readonly subject: string }[]> {
  const { pool } = example.components.database;
  const { rows } = await pool.query<{ request_id: string; subject: string }>(
    "select request_id, subject from crm.emails where tenant_id = $1 order by id",
    [tenantId],
  );
  return rows;
}

const topOf = async (client: TestClient): Promise<unknown> => (await client("GET", "/api/leaderboard")).body["top"];

async function addContact(client: TestClient, name: string): Promise<number> {
  const { status, body } = await client("POST", "/contacts", { name, email: `${name.toLowerCase()}@a.example` });
  expect(status).toBe(201);
  return Number(body["id"]);
}

describe.skipIf(withoutPostgres)("a submission", () => {
  it("sends an e-mail and adds points, once each, after the response", async () => {
    const ann = asTenant(example.url, "amber-foods", "ann");
    const ben = asTenant(example.url, "amber-foods", "ben");
    const contactId = await addContact(ann, "Zoe");
    const deal = { contactId, title: "Renewal", stage: "open", amountCents: 100 };
    expect((await ben("POST", "/deals", deal)).status).toBe(201);
    await waitUntil(async () => (await emailsOf("amber-foods")).length === 2, {
      what: "both e-mails",
      timeoutMs: 10_000,
    });
    expect(await emailsOf("amber-foods")).toEqual([
      { request_id: `job:contact:${contactId}`, subject: "Welcome" },
      { request_id: expect.stringMatching(/^job:deal:\d+$/), subject: "Your deal" },
    ]);
    const expected = [
      { userId: "ben", points: 5 },
      { userId: "ann", points: 1 },
    ];
    await waitUntil(async () => JSON.stringify(await topOf(ann)) === JSON.stringify(expected), { what: "the points" });
    expect(await topOf(asTenant(example.url, "amber-motors", "ann"))).toEqual([]);
  });

  it("that is refused by the quota leaves no job", async () => {
    const client = asTenant(example.url, "delta-foods", "ann");
    const answers: number[] = [];
    // The free plan has room for five more contacts.
    for (let i = 0; i < 6; i++) {
      const { status } = await client("POST", "/contacts", { name: `New ${i}`, email: "new@a.example" });
      answers.push(status);
    }
    expect(answers).toEqual([201, 201, 201, 201, 201, 402]);
    await waitUntil(async () => (await emailsOf("delta-foods")).length === 5, {
      what: "the e-mails",
      timeoutMs: 10_000,
    });
    // The plan admits three requests a second.
    let top: unknown;
    const isAnswered = async (): Promise<boolean> => Array.isArray((top = await topOf(client)));
    await waitUntil(isAnswered, { what: "the leaderboard", everyMs: 200 });
    const [{ points } = { points: 0 }] = top as { points: number }[];
    expect(points).toBeLessThanOrEqual(5);
  });

  it("is answered while Redis is down, and its jobs run when it is back", async ({ skip }) => {
    const { limitStore } = example.components;
    const server = limitStore.is === "redis" ? limitStore.server : undefined;
    if (server === undefined) skip("no Redis server program found");
    const client = asTenant(example.url, "amber-studio", "ann");
    await server?.kill();
    const contactId = await addContact(client, "Late");
    expect(await emailsOf("amber-studio")).toEqual([]);
    await server?.restart();
    await waitUntil(async () => (await emailsOf("amber-studio")).length === 1, {
      what: "the e-mail",
      timeoutMs: 15_000,
    });
    expect((await emailsOf("amber-studio"))[0]?.request_id).toBe(`job:contact:${contactId}`);
  });
});

describe.skipIf(withoutPostgres)("a burst of one tenant's jobs", () => {
  it("shows in the depth of the queue, and hardly delays the others", async () => {
    const denied = await fetch(`${example.url}/api/degradation/jobs/burst`, { method: "POST" });
    expect(denied.status).toBe(403);
    const response = await fetch(`${example.url}/api/degradation/jobs/burst`, { method: "POST", headers: admin() });
    expect([response.status, await response.json()]).toEqual([202, { jobs: 2000 }]);
    const quiet = asTenant(example.url, "birch-foods", "ann");
    for (let i = 0; i < 5; i++) await addContact(quiet, `Quick${i}`);
    await waitUntil(async () => (await stateOf()).noisyTenant === "amber-labs", { what: "the noisy tenant" });
    let depth = 0;
    await waitUntil(
      async () => {
        const state = await stateOf();
        depth = Math.max(depth, state.depth?.waiting ?? 0);
        return (await emailsOf("birch-foods")).length === 5 && state.noisyWaitMs !== null;
      },
      { what: "the quiet tenant's e-mails", timeoutMs: 10_000 },
    );
    const state = await stateOf();
    expect(state.store).toBe(example.components.limitStore.is);
    expect(depth).toBeGreaterThan(0);
    expect(state.tenants[0]?.tenantId).toBe("amber-labs");
    expect(state.jobs.map(({ job }) => job).toSorted()).toEqual([
      "email.send",
      "leaderboard.update",
      "newsletter.send",
    ]);
    // Plain order would make them wait for every job of the burst.
    expect(state.quietWaitMs).toBeLessThan(Math.max(2000, state.noisyWaitMs ?? 0));
  });
});
