import { randomUUID } from "node:crypto";
import { waitUntil } from "@scale/testkit";
import type { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from "vitest";
import { openPool } from "../../scenarios/databases.js";
import { pgClient, type PgExecutor } from "../sql/pg.js";
import type { SqlClient } from "../sql/client.js";
import type { NewJob, Settlement, StoredQueue } from "../store.js";
import { postgresStore } from "./store.js";

const server = inject("postgresUrl");
const LEASE_MS = 600;
const RETENTION = { finished: { count: 1000, ageMs: 60_000 }, dead: { count: 10, ageMs: 60_000 } };

const newJob = (name: string): NewJob => ({
  ...{ id: randomUUID(), name, version: 1, payload: "{}", tenantId: "acme", priority: "normal", cost: 1 },
  ...{ maxAttempts: 3, maxCrashes: 3, enqueuedAtMs: Date.now() },
  share: { weight: 1, maxInFlight: Infinity, maxBacklog: Infinity },
});

describe.skipIf(!server)("a consumer of postgresStore", () => {
  let pool: Pool;
  const queues: StoredQueue[] = [];
  beforeAll(async () => {
    pool = await openPool(server, "queue_lost");
  });
  afterEach(async () => {
    await Promise.all(queues.splice(0).map((queue) => queue.close()));
  });
  afterAll(() => pool.end());

  /** A client whose next answers are lost after the server has carried out the statement. */
  function open() {
    const state = { isLosing: false, lost: 0 };
    const own = pgClient(pool);
    const client: SqlClient<PgExecutor> = {
      ...own,
      async run(text, params) {
        const rows = await own.run(text, params);
        if (!state.isLosing || !/scale_queue_(turn|lease|settle)\b/.test(text)) return rows;
        state.lost += 1;
        throw new Error("the connection was lost before the answer");
      },
    };
    const options = { name: `lost-${randomUUID()}`, charge: "count", retention: RETENTION } as const;
    const stored = postgresStore({ client, pollMs: 10 }).open(options);
    queues.push(stored);
    return { state, stored };
  }

  /** The job `long` goes on until `end`; the others take a moment. */
  function work(stored: StoredQueue) {
    const runs: { readonly name: string; readonly crashes: number }[] = [];
    const outcomes: string[] = [];
    const failures: unknown[] = [];
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    stored.consume(
      {
        async run({ job }): Promise<Settlement> {
          runs.push({ name: job.name, crashes: job.crashes });
          if (job.name === "long") await ended;
          return { kind: "completed", usedMs: 1 };
        },
        settled: ({ name }, _settlement, outcome) => void outcomes.push(`${name}: ${outcome}`),
        failed: (error) => void failures.push(error),
      },
      { concurrency: 5, leaseMs: LEASE_MS },
    );
    return { runs, outcomes, failures, end };
  }

  const state = async (stored: StoredQueue, { id }: NewJob) => (await stored.get(id))?.state;

  it("runs a job whose lease was in an answer that it did not get, while it is busy, and counts no crash", async () => {
    const { state: net, stored } = open();
    const { runs, end } = work(stored);
    await stored.add([newJob("long")]);
    await waitUntil(() => runs.length === 1, { what: "the long job" });
    net.isLosing = true;
    const job = newJob("short");
    await stored.add([job]);
    await waitUntil(async () => (await state(stored, job)) === "active", { what: "a lease without an answer" });
    net.isLosing = false;
    await waitUntil(async () => (await state(stored, job)) === "completed", { what: "the run", timeoutMs: 3000 });
    expect(runs.slice(1)).toEqual([{ name: "short", crashes: 0 }]);
    end();
  });

  it("ends a job once whose settlement was in a call without an answer, while it is busy", async () => {
    const { state: net, stored } = open();
    const { runs, outcomes, end } = work(stored);
    const [long, short] = [newJob("long"), newJob("short")];
    await stored.add([long]);
    await waitUntil(() => runs.length === 1, { what: "the long job" });
    net.isLosing = true;
    end();
    await waitUntil(() => net.lost > 0, { what: "a lost answer" });
    net.isLosing = false;
    await stored.add([short]);
    await waitUntil(() => outcomes.length === 2, { what: "both ends" });
    expect(await state(stored, long)).toBe("completed");
    expect(await state(stored, short)).toBe("completed");
    expect(runs).toHaveLength(2);
    expect(outcomes).toContain("short: applied");
  });

  it("stores the end of a job after an outage that is shorter than its lease", async () => {
    const own = pgClient(pool);
    let isDown = false;
    const client: SqlClient<PgExecutor> = {
      ...own,
      run: (text, params) => (isDown ? Promise.reject(new Error("down")) : own.run(text, params)),
    };
    const options = { name: `down-${randomUUID()}`, charge: "count", retention: RETENTION } as const;
    const stored = postgresStore({ client, pollMs: 10 }).open(options);
    queues.push(stored);
    const { runs, outcomes, failures, end } = work(stored);
    const job = newJob("long");
    await stored.add([job]);
    await waitUntil(() => runs.length === 1, { what: "the run" });
    isDown = true;
    end();
    await waitUntil(() => failures.length > 1, { what: "an outage that is noticed" });
    isDown = false;
    await waitUntil(() => outcomes.length === 1, { what: "the end" });
    expect(outcomes).toEqual(["long: applied"]);
    expect(runs).toHaveLength(1);
  });
});

describe.skipIf(!server)("the upkeep of postgresStore", () => {
  it("deletes claims that have ended, and tenants without a job for a day", async () => {
    const pool = await openPool(server, "queue_upkeep");
    const stored = postgresStore({ client: pgClient(pool), pollMs: 10 }).open({
      ...{ name: "upkeep", charge: "count" },
      retention: { finished: { count: 0, ageMs: 0 }, dead: { count: 10, ageMs: 60_000 } },
    });
    await stored.claim("slot", "me", 1);
    await stored.setShare("gone", { weight: 2, maxInFlight: 1, maxBacklog: 1 });
    await stored.pauseTenant("paused");
    await pool.query("update scale_queue_tenant set tokens_at_ms = tokens_at_ms - 2 * 86400000");
    await stored.setShare("new", { weight: 2, maxInFlight: 1, maxBacklog: 1 });
    const consumer = stored.consume(
      {
        run: () => Promise.resolve({ kind: "completed", usedMs: 1 }),
        settled: () => undefined,
        failed: () => undefined,
      },
      { concurrency: 1, leaseMs: LEASE_MS },
    );
    const rows = async (table: string) => (await pool.query(`select 1 from ${table}`)).rows.length;
    await waitUntil(async () => (await rows("scale_queue_claim")) === 0, { what: "the claim to be deleted" });
    await waitUntil(async () => (await rows("scale_queue_tenant")) === 2, { what: "the tenant to be forgotten" });
    const { rows: left } = await pool.query("select tenant from scale_queue_tenant order by tenant");
    expect(left).toEqual([{ tenant: "new" }, { tenant: "paused" }]);
    await consumer.close();
    await stored.close();
    await pool.end();
  });
});
