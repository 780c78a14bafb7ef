import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { contactsPool, inTransaction } from "../../scenarios/harness.js";
import type { RowsOutcome } from "../types.js";
import { type PgExecutor, pgRows } from "./pg.js";

const server = inject("postgresUrl");
const times = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe.skipIf(!server)("pgRows under failures", () => {
  let pool = {} as Pool;
  beforeAll(async () => {
    pool = await contactsPool(server, "quota_pg_trouble");
  });
  afterAll(() => pool.end());

  const use = (tx: PgExecutor, tenantId: string, metric = "contacts"): Promise<readonly RowsOutcome[]> =>
    pgRows({ db: pool }).use(
      { tenantId, changes: [{ metric, units: 1, max: 10, count: undefined }], written: false },
      tx,
    );
  const used = async (tenantId: string): Promise<number | undefined> =>
    (await pgRows({ db: pool }).read(tenantId, ["contacts"]))[0]?.used;

  for (const level of ["repeatable read", "serializable"]) {
    it(`admits exactly up to the maximum at ${level}, when transactions that fail with 40001 are repeated`, async () => {
      const attempt = (): Promise<boolean> =>
        inTransaction(pool, async (tx) => {
          await tx.query(`set transaction isolation level ${level}`, []);
          return (await use(tx, level))[0]?.admitted === true;
        });
      const untilDecided = async (): Promise<boolean> => {
        for (;;) {
          const decided = await attempt().catch((error: { code?: string }) => {
            // Every other failure is a defect.
            if (error.code !== "40001") throw error;
          });
          if (typeof decided === "boolean") return decided;
        }
      };
      const decisions = await Promise.all(times(30).map(untilDecided));
      expect(decisions.filter(Boolean)).toHaveLength(10);
      expect(await used(level)).toBe(10);
    });
  }

  it("rejects with the deadlock of two calls in different orders, and counts the other transaction", async () => {
    let arrived = 0;
    let open = (): void => undefined;
    const both = new Promise<void>((resolve) => {
      open = resolve;
    });
    const inOrder = (...metrics: string[]): Promise<void> =>
      inTransaction(pool, async (tx) => {
        for (const metric of metrics) {
          await use(tx, "deadlock", metric);
          if (++arrived === 2) open();
          await both;
        }
      });
    const ends = await Promise.allSettled([inOrder("contacts", "deals"), inOrder("deals", "contacts")]);
    const failed = ends.filter((end) => end.status === "rejected");
    expect(failed).toMatchObject([{ reason: { code: "40P01" } }]);
    expect(await used("deadlock")).toBe(1);
  });

  it.each([
    ["lock_timeout", "55P03"],
    ["statement_timeout", "57014"],
  ])("waits for another transaction no longer than %s", async (setting, code) => {
    const waits = inTransaction(pool, async (holder) => {
      await use(holder, setting);
      return inTransaction(pool, async (tx) => {
        await tx.query(`set local ${setting} = '50ms'`, []);
        return use(tx, setting);
      });
    });
    await expect(waits).rejects.toMatchObject({ code });
    expect(await used(setting)).toBeUndefined();
  });

  it("counts nothing of a transaction whose connection is lost", async () => {
    const client = await pool.connect();
    client.on("error", () => undefined);
    await client.query("begin");
    await use(client, "lost");
    const { rows } = await client.query("select pg_backend_pid() as pid");
    await pool.query("select pg_terminate_backend($1)", [rows[0].pid]);
    await expect(use(client, "lost")).rejects.toThrow(/terminat|not queryable/);
    client.release(true);
    expect(await used("lost")).toBeUndefined();
    expect(await inTransaction(pool, (tx) => use(tx, "lost"))).toMatchObject([{ admitted: true, used: 1 }]);
  });

  it("rejects in time when the pool has no connection left", async () => {
    const small = new Pool({ connectionString: pool.options.connectionString, max: 1 });
    const client = await small.connect();
    const store = pgRows({ db: small, timeoutMs: 30 });
    const failed = { code: "SCALE_STORE", cause: { code: "SCALE_TIMEOUT" } };
    await expect(store.read("exhausted", ["contacts"])).rejects.toMatchObject(failed);
    const reconciled = store.reconcile({ tenantId: "exhausted", metric: "contacts", count: async () => 3 });
    await expect(reconciled).rejects.toMatchObject(failed);
    client.release();
    await small.end();
    expect(await used("exhausted")).toBeUndefined();
  });
});
