import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { drizzleDatabase, openPool, pgDatabase, prismaDatabase, type TestDatabase } from "../../scenarios/databases.js";
import { createQueue, defineJobs, job } from "../index.js";
import { pgClient } from "../sql/pg.js";
import { describeQueueStore } from "../testing/index.js";
import { queueTables } from "./sql/index.js";
import { postgresStore } from "./store.js";
import { z } from "zod";

const server = inject("postgresUrl");
const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!server)("postgresStore", () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await openPool(server, "queue_store");
  });
  afterAll(() => pool.end());

  describeQueueStore("postgres", async () => ({
    store: postgresStore({ client: pgClient(pool), pollMs: 10 }),
    advance: passed,
    close: async () => undefined,
  }));

  it("keeps its tables in another schema, whatever characters its name has", async () => {
    const schema = `te"na'nts $1`;
    await pool.query(`create schema "te""na'nts $1"`);
    for (let i = 0; i < 2; i++) await pool.query(queueTables({ schema }));
    const queue = createQueue(jobs, { name: "schema", store: postgresStore({ client: pgClient(pool), schema }) });
    const { id } = await queue.enqueue("greet", {}, { tenantId: "acme" });
    expect(await queue.get(id)).toMatchObject({ state: "waiting", tenantId: "acme" });
    await queue.close();
  });

  it("rejects within its deadline when the database does not answer", async () => {
    const client = { ...pgClient(pool), run: () => new Promise<never>(() => undefined) };
    const stored = postgresStore({ client, timeoutMs: 20 }).open({
      name: "silent",
      charge: "count",
      retention: { finished: { count: 1, ageMs: 1 }, dead: { count: 1, ageMs: 1 } },
    });
    await expect(stored.counts()).rejects.toMatchObject({ code: "SCALE_STORE" });
    await stored.close();
  });
});

const jobs = defineJobs({ greet: job({ input: z.object({}) }) });

function describeTransactions<Tx>(name: string, open: () => Promise<TestDatabase<Tx>>): void {
  describe.skipIf(!server)(`queue.in(tx) on ${name}`, () => {
    let database: TestDatabase<Tx>;
    beforeAll(async () => {
      database = await open();
    });
    afterAll(() => database.close());

    const openQueue = () =>
      createQueue(jobs, { name, store: postgresStore({ client: database.client, pollMs: 10 }), timeoutMs: 5000 });

    it("stores a job when the transaction commits, and not before", async () => {
      const queue = openQueue();
      const { id, inside } = await database.transaction(async (tx) => {
        const enqueued = await queue.in(tx).enqueue("greet", {}, { tenantId: "a:{b}*" });
        return { ...enqueued, inside: await queue.get(enqueued.id) };
      });
      expect(inside).toBeUndefined();
      expect(await queue.get(id)).toMatchObject({ state: "waiting", tenantId: "a:{b}*" });
      expect(await queue.tenants.stats("a:{b}*")).toMatchObject({ waiting: 1 });
      await queue.close();
    });

    it("stores nothing when the transaction rolls back, idempotency keys included", async () => {
      const queue = openQueue();
      const options = { tenantId: "acme", idempotencyKey: "k" };
      let id = "";
      const failed = database.transaction(async (tx) => {
        ({ id } = await queue.in(tx).enqueue("greet", {}, options));
        throw new Error("rolled back by the test");
      });
      await expect(failed).rejects.toThrow("rolled back by the test");
      expect(await queue.get(id)).toBeUndefined();
      expect(await queue.enqueue("greet", {}, options)).toMatchObject({ deduplicated: false });
      await queue.close();
    });

    it("does not make others wait for a transaction that stays open", async () => {
      const queue = openQueue();
      await database.transaction(async (tx) => {
        await queue.in(tx).enqueue("greet", {}, { tenantId: "open" });
        await queue.enqueue("greet", {}, { tenantId: "open" });
        await queue.enqueue("greet", {}, { tenantId: "other" });
        expect(await queue.tenants.stats("open")).toMatchObject({ waiting: 1 });
      });
      expect(await queue.tenants.stats("open")).toMatchObject({ waiting: 2 });
      await queue.close();
    });

    it("refuses the application's own client in place of a transaction", async () => {
      const queue = openQueue();
      const enqueued = (async () => queue.in(database.own).enqueue("greet", {}, { tenantId: "acme" }))();
      await expect(enqueued).rejects.toMatchObject({ code: "SCALE_INPUT" });
      await queue.close();
    });
  });
}

describeTransactions("pg", () => pgDatabase(server, "queue_tx_pg"));
describeTransactions("Drizzle", () => drizzleDatabase(server, "queue_tx_drizzle"));
describeTransactions("Prisma", () => prismaDatabase(server, "queue_tx_prisma"));
