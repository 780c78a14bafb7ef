import { drizzle, type NodePgDatabase } from "drizzle-orm/node-postgres";
import { afterAll, describe, expect, inject, it } from "vitest";
import { contactsPool, drizzleHarness } from "../../scenarios/harness.js";
import { quotaTables } from "../postgres/tables.js";
import { describeRowsStore } from "../testing/index.js";
import { drizzleRows } from "./drizzle.js";

const server = inject("postgresUrl");

describe.skipIf(!server)("drizzleRows", () => {
  let close = async (): Promise<void> => undefined;
  afterAll(() => close());

  describeRowsStore("drizzle", async () => {
    const harness = await drizzleHarness(server);
    close = harness.close;
    return harness;
  });
});

describe.skipIf(!server)("drizzleRows, by the names it is given", () => {
  it("treats a dollar in a quoted name as part of the name", async () => {
    const pool = await contactsPool(server, "quota_drizzle_named");
    const named = { table: 'quota "$1"::text $2' };
    await pool.query(quotaTables(named));
    const db: NodePgDatabase = drizzle({ client: pool });
    const store = drizzleRows<NodePgDatabase>({ db, ...named });
    const change = { metric: "contacts", units: 3, max: 10, count: undefined };
    await db.transaction((tx) => store.use({ tenantId: "acme", changes: [change], written: false }, tx));
    expect(await store.read("acme", ["contacts"])).toMatchObject([{ used: 3 }]);
    await pool.end();
  });
});

describe("drizzleRows, by what drivers answer", () => {
  const row = { metric: "deals", used: "3", version: "1", as_of: "1700000000000" };

  it.each([
    ["a list, as postgres-js does", [row]],
    ["an object with the list, as the others do", { rows: [row] }],
  ])("reads %s", async (_driver, answer) => {
    const store = drizzleRows({ db: { execute: async () => answer } });
    const found = await store.read("acme", ["contacts", "deals"]);
    expect(found).toMatchObject([undefined, { used: 3, asOf: 1_700_000_000_000 }]);
  });

  it.each([[{ ...row, used: "9007199254740993" }], [{ metric: "deals" }], [null]])(
    "takes %j for no counter",
    async (wrong) => {
      const store = drizzleRows({ db: { execute: async () => [wrong] } });
      await expect(store.read("acme", ["deals"])).rejects.toMatchObject({ code: "SCALE_STORE" });
    },
  );
});
