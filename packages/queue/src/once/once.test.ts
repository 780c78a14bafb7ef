import { tenancy } from "@scale/core";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { drizzleDatabase, pgDatabase, prismaDatabase, type TestDatabase } from "../../scenarios/databases.js";
import { createOnce, type OnceLedger } from "./once.js";

const server = inject("postgresUrl");
const forAcme = <T>(fn: () => T): T => tenancy.run({ tenantId: "acme" }, fn);

function describeOnce<Tx>(name: string, open: () => Promise<TestDatabase<Tx>>): void {
  describe.skipIf(!server)(`once on ${name}`, () => {
    let database: TestDatabase<Tx>;
    let ledger: OnceLedger<Tx>;
    beforeAll(async () => {
      database = await open();
      ledger = createOnce({ client: database.client });
    });
    afterAll(() => database.close());

    const insert = (tx: Tx, id: string): Promise<unknown> =>
      database.client.inTransaction(tx)("insert into orders (id) values ($1::text)", [id]);
    const once = (key: string, order: string): Promise<unknown> =>
      forAcme(() => database.transaction((tx) => ledger.once(tx, key, () => insert(tx, order))));
    const orders = async (like: string): Promise<string[]> => {
      const { rows } = await database.pool.query<{ id: string }>("select id from orders where id like $1", [like]);
      return rows.map(({ id }) => id);
    };

    it("runs the effect once for a key, also when transactions race", async () => {
      const results = await Promise.all(Array.from({ length: 8 }, (_, i) => once("race", `race-${i}`)));
      expect(await orders("race-%")).toHaveLength(1);
      expect(results.filter((result) => (result as { ran: boolean }).ran)).toHaveLength(1);
    });

    it("runs it again when the transaction rolled back", async () => {
      const failing = forAcme(() =>
        database.transaction(async (tx) => {
          await ledger.once(tx, "undone", () => insert(tx, "undone-1"));
          throw new Error("rolled back by the test");
        }),
      );
      await expect(failing).rejects.toThrow("rolled back by the test");
      await once("undone", "undone-2");
      expect(await orders("undone-%")).toEqual(["undone-2"]);
    });

    it("does not record a key whose effect threw, when the transaction commits nevertheless", async () => {
      await forAcme(() =>
        database.transaction((tx) =>
          ledger.once(tx, "thrown", () => Promise.reject(new Error("no effect"))).catch(() => undefined),
        ),
      );
      expect(await once("thrown", "thrown-1")).toMatchObject({ ran: true });
    });

    it("keeps the keys of tenants apart", async () => {
      const run = (tenantId: string): Promise<unknown> =>
        tenancy.run({ tenantId }, () => database.transaction((tx) => ledger.once(tx, "k", async () => tenantId)));
      expect(await run("a")).toEqual({ ran: true, value: "a" });
      expect(await run("b:{}")).toEqual({ ran: true, value: "b:{}" });
      expect(await run("b:{}")).toEqual({ ran: false });
    });

    it("forgets what is older than asked", async () => {
      await once("old", "old-1");
      expect(await ledger.prune({ olderThanMs: 3_600_000 })).toBe(0);
      await database.pool.query(
        "update scale_once set recorded_at = recorded_at - interval '2 hours' where key = 'old'",
      );
      expect(await ledger.prune({ olderThanMs: 3_600_000 })).toBe(1);
    });

    it("needs a tenant and a key", async () => {
      const run = (key: string): Promise<unknown> =>
        database.transaction((tx) => ledger.once(tx, key, async () => undefined));
      await expect(run("k")).rejects.toMatchObject({ code: "SCALE_TENANT" });
      await expect(forAcme(() => run(""))).rejects.toMatchObject({ code: "SCALE_INPUT" });
    });
  });
}

describeOnce("pg", () => pgDatabase(server, "queue_once_pg"));
describeOnce("Drizzle", () => drizzleDatabase(server, "queue_once_drizzle"));
describeOnce("Prisma", () => prismaDatabase(server, "queue_once_prisma"));
