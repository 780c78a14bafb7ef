import { isScaleError } from "@scale/core";
import { createDatabase, seededRandom } from "@scale/testkit";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { postgresLedger } from "./postgres.js";
import { usageLedgerTable } from "./table.js";
import type { LedgerState } from "./types.js";

const url = inject("postgresUrl");
/** Characters of three bytes each, in no order that Postgres could store shorter. */
function incompressible(length: number): string {
  const random = seededRandom(20_261_120);
  return Array.from({ length }, () => String.fromCodePoint(0x4e00 + Math.floor(random() * 20_000))).join("");
}

const table = `Usage "of" 'tenants'; --`;

describe.skipIf(!url)("postgresLedger", () => {
  let pool: pg.Pool;
  beforeAll(async () => {
    pool = new pg.Pool({ connectionString: await createDatabase(url, `usage_ledger_${process.pid}`) });
    await pool.query("create schema billing");
    for (const options of [{}, { table, schema: "billing" }]) {
      await pool.query(usageLedgerTable(options));
      await pool.query(usageLedgerTable(options));
    }
  });
  afterAll(() => pool.end());

  let next = 0;
  const address = () => ({ tenantId: `t${next++}`, metric: "tokens", period: "month-1" });
  const state = (more: Partial<LedgerState> = {}): LedgerState => ({
    ...address(),
    epoch: "e1",
    units: 10,
    version: 1,
    ...more,
  });
  const ledger = () => postgresLedger({ db: pool });
  const unitsOf = async (at: LedgerState) =>
    (await ledger().read([at])).map((entries) => entries.map(({ epoch, units }) => `${epoch} ${units}`).toSorted());

  it("keeps the latest state of an epoch under repeated and reordered writes", async () => {
    const first = state();
    const second = { ...first, units: 25, version: 4 };
    expect(await ledger().write([first])).toEqual([{ units: 10, version: 1 }]);
    for (const late of [second, first, second, { ...first, units: 20, version: 3 }])
      expect(await ledger().write([late])).toEqual([{ units: 25, version: 4 }]);
    expect(await unitsOf(first)).toEqual([["e1 25"]]);
  });

  it("keeps the epochs of a count apart", async () => {
    const first = state();
    await ledger().write([first]);
    await ledger().write([{ ...first, epoch: "e2", units: 7, version: 1 }]);
    await ledger().write([first]);
    expect(await unitsOf(first)).toEqual([["e1 10", "e2 7"]]);
  });

  it("reads in the order of the addresses, and returns no entries for an unknown count", async () => {
    const [a, b] = [state({ tenantId: "zz" }), state({ tenantId: "aa", units: 2 ** 52 })];
    expect(await ledger().write([a, b])).toMatchObject([{ units: 10 }, { units: 2 ** 52 }]);
    const found = await ledger().read([address(), b, a]);
    expect(found.map((entries) => entries.map(({ units }) => units))).toEqual([[], [2 ** 52], [10]]);
    expect(Math.abs((found[1]?.[0]?.writtenAt ?? 0) - Date.now())).toBeLessThan(60_000);
    expect([await ledger().read([]), await ledger().write([])]).toEqual([[], []]);
  });

  it("does not deadlock with another writer of the same counts in another order", async () => {
    const states = Array.from({ length: 200 }, () => state());
    const writes = Array.from({ length: 8 }, (_, i) =>
      ledger().write(
        (i % 2 === 0 ? states : states.toReversed()).map((one) => ({ ...one, version: i + 2, units: i + 2 })),
      ),
    );
    await Promise.all(writes);
    expect(await unitsOf(states[0]!)).toEqual([["e1 9"]]);
  });

  it("writes to the configured table, whatever characters its name has", async () => {
    const one = state();
    const other = postgresLedger({ db: pool, schema: "billing", table });
    await other.write([one]);
    expect((await other.read([one]))[0]).toHaveLength(1);
    expect((await ledger().read([one]))[0]).toHaveLength(0);
  });

  it("rejects ids that Postgres cannot keep apart", async () => {
    for (const tenantId of ["a\0b", "\ud800", "a\udfffb"]) {
      await expect(ledger().read([{ ...address(), tenantId }])).rejects.toMatchObject({ code: "SCALE_TENANT" });
      await expect(ledger().write([state({ tenantId })])).rejects.toMatchObject({ code: "SCALE_TENANT" });
    }
  });

  it("accepts the longest id that its index can hold, and rejects a longer one before it fails other writes", async () => {
    const longest = state({ tenantId: incompressible(682), metric: "m".repeat(64), epoch: "e".repeat(36) });
    await ledger().write([longest]);
    expect(await unitsOf(longest)).toHaveLength(1);
    expect((await unitsOf(longest))[0]).toHaveLength(1);
    const longer = state({ tenantId: incompressible(1024) });
    await expect(ledger().read([longer])).rejects.toMatchObject({ code: "SCALE_TENANT" });
  });

  it("rejects in time, with an error that names the cause", async () => {
    const failure = (db: { query(): Promise<never> }) =>
      postgresLedger({ db, timeoutMs: 20 })
        .read([address()])
        .catch((error: unknown) => [
          isScaleError(error, "SCALE_STORE"),
          isScaleError((error as Error).cause, "SCALE_TIMEOUT"),
        ]);
    expect(await failure({ query: () => Promise.reject(new Error("no")) })).toEqual([true, false]);
    expect(await failure({ query: () => new Promise(() => undefined) })).toEqual([true, true]);
    expect(() => postgresLedger({ db: pool, table: "" })).toThrow(/table/);
  });
});
