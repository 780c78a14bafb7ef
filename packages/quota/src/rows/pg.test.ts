import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Closable, inTransaction, contactsPool, pgHarness } from "../../scenarios/harness.js";
import { quotaTables } from "../postgres/tables.js";
import { describeRowsStore } from "../testing/index.js";
import type { RowsChange } from "../types.js";
import { type PgExecutor, pgRows } from "./pg.js";

const server = inject("postgresUrl");

describe.skipIf(!server)("pgRows", () => {
  let close = async (): Promise<void> => undefined;
  afterAll(() => close());

  describeRowsStore("pg", async () => {
    const harness = await pgHarness(server);
    close = harness.close;
    return harness;
  });
});

describe.skipIf(!server)("pgRows, by the statements it runs", () => {
  let harness = {} as Closable<PgExecutor>;
  beforeAll(async () => {
    harness = await pgHarness(server, "quota_pg_statements");
  });
  afterAll(() => harness.close());

  const change = (units: number): RowsChange => ({ metric: "contacts", units, max: 10, count: undefined });
  /** Number of statements that a call takes. */
  async function statements(call: "use" | "giveBack", tenantId: string, units: number): Promise<number> {
    let count = 0;
    await harness.transaction(async (tx) => {
      const counting: PgExecutor = { query: (text, params) => (count++, tx.query(text, params)) };
      await harness.store[call]({ tenantId, changes: [change(units)], written: false }, counting);
    });
    return count;
  }

  it("takes one when there is room and for the first use, and a second one for a refusal", async () => {
    expect(await statements("use", "one", 4)).toBe(1);
    expect(await statements("use", "one", 6)).toBe(1);
    expect(await statements("use", "one", 1)).toBe(2);
    expect(await statements("use", "two", 11)).toBe(1);
    expect(await statements("giveBack", "one", 4)).toBe(1);
    expect(await statements("giveBack", "one", 6)).toBe(1);
    expect(await statements("giveBack", "three", 1)).toBe(1);
  });

  it("rejects a transaction at REPEATABLE READ that would decide on an old count, with the database error", async () => {
    const pool = await contactsPool(server, "quota_pg_repeatable");
    const store = pgRows({ db: pool });
    const use = { tenantId: "acme", changes: [change(1)], written: false };
    await inTransaction(pool, (tx) => store.use(use, tx));
    const late = inTransaction(pool, async (tx) => {
      await tx.query("set transaction isolation level repeatable read", []);
      await tx.query("select 1 from contacts", []);
      await inTransaction(pool, (other) => store.use(use, other));
      return store.use(use, tx);
    });
    await expect(late).rejects.toMatchObject({ code: "40001" });
    expect(await store.read("acme", ["contacts"])).toMatchObject([{ used: 2 }]);
    await pool.end();
  });

  it("uses the configured table and schema, whatever characters their names have", async () => {
    const pool = await contactsPool(server, "quota_pg_named");
    const named = { schema: 'te"nants', table: "Quota; drop table contacts --" };
    await pool.query('create schema "te""nants"');
    for (let i = 0; i < 2; i++) await pool.query(quotaTables(named));
    const store = pgRows({ db: pool, ...named });
    await inTransaction(pool, (tx) => store.use({ tenantId: "acme", changes: [change(3)], written: false }, tx));
    const { rows } = await pool.query('select used from "te""nants"."Quota; drop table contacts --"');
    expect(rows).toEqual([{ used: "3" }]);
    expect(await store.read("acme", ["contacts"])).toMatchObject([{ used: 3 }]);
    await pool.end();
  });

  it("names the wrong option", () => {
    const db = { query: async () => ({ rows: [] }) };
    expect(() => pgRows({ db: {} as PgExecutor })).toThrow("pgRows: db: expected a client, got {}");
    expect(() => pgRows({ db, table: "" })).toThrow('table and schema: expected a name of 1 to 63 bytes, got ""');
    expect(() => pgRows({ db, schema: "x".repeat(64) })).toThrow("table and schema: expected a name of 1 to 63 bytes");
    expect(() => pgRows({ db, timeoutMs: 0 })).toThrow("pgRows: timeoutMs: ");
  });
});
