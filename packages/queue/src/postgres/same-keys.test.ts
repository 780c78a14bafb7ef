import type { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { z } from "zod";
import { openPool } from "../../scenarios/databases.js";
import { inTransaction } from "../../scenarios/transaction.js";
import { createQueue, defineJobs, job } from "../index.js";
import { pgClient } from "../sql/pg.js";
import { postgresStore } from "./store.js";

const server = inject("postgresUrl");
const jobs = defineJobs({ greet: job({ input: z.object({}) }) });
const KEYS = Array.from({ length: 200 }, (_, i) => `key-${i}`);

describe.skipIf(!server)("transactions that enqueue the same idempotency keys", () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = await openPool(server, "queue_same_keys");
  });
  afterAll(() => pool.end());

  it("do not end in a deadlock, whatever the order of the keys, and store each job once", async () => {
    const queue = createQueue(jobs, {
      store: postgresStore({ client: pgClient(pool), timeoutMs: 10_000 }),
      timeoutMs: 10_000,
    });
    const enqueue = (keys: readonly string[]) =>
      inTransaction(pool, (tx) =>
        queue
          .in(tx)
          .enqueueMany(keys.map((idempotencyKey) => ({ name: "greet", data: {}, tenantId: "acme", idempotencyKey }))),
      );
    const outcomes = await Promise.all([enqueue(KEYS), enqueue(KEYS.toReversed()), enqueue(KEYS)]);
    const kinds = outcomes.flat().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "stored")).toHaveLength(KEYS.length);
    expect(kinds.filter((kind) => kind === "deduplicated")).toHaveLength(2 * KEYS.length);
    expect(await queue.counts()).toMatchObject({ waiting: KEYS.length });
    await queue.close();
  });
});
