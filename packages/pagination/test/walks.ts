import { seededRandom } from "@scale/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Page, PageArgs, TotalKind } from "../src/index.js";
import { type Entries, entryPages, makeEntries, orders, ROWS, SEED, TENANT } from "./entries.js";

export interface PageReader {
  /** Reads a page of the tenant's entries. */
  read(args: PageArgs): Promise<Page<{ readonly id: string | bigint }>>;
  close?(): Promise<void>;
}

/** The contract of a walk through all pages, for every client. */
export function describeWalks(name: string, server: string, open: (entries: Entries) => Promise<PageReader>): void {
  describe.skipIf(!server)(`pages read by ${name} (seed ${SEED})`, () => {
    let entries = {} as Entries;
    let reader = {} as PageReader;
    beforeAll(async () => {
      entries = await makeEntries(server, `pagination_${name}`);
      reader = await open(entries);
    });
    afterAll(async () => {
      await reader.close?.();
      await entries.close();
    });
    const random = seededRandom(SEED);
    const below = (count: number): number => Math.floor(random() * count);
    const parse = (query: object): PageArgs => entryPages.parse(query, { tenantId: TENANT });

    async function walk(order: string, backward: boolean, between: () => Promise<void>): Promise<string[]> {
      const [size, cursor] = backward ? ["last", "before"] : ["first", "after"];
      const seen: string[][] = [];
      let at: object = {};
      for (;;) {
        const { items, pageInfo } = await reader.read(parse({ order, [size]: 1 + below(400), ...at }));
        const ids = items.map(({ id }) => String(id));
        seen.push(backward ? ids.toReversed() : ids);
        if (!(backward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage)) return seen.flat();
        const next = backward ? pageInfo.startCursor : pageInfo.endCursor;
        // The remaining rows were deleted.
        if (next === null) return seen.flat();
        at = { [cursor]: next };
        await between();
      }
    }

    const cases = Object.keys(orders).flatMap((order) => [false, true].map((backward) => ({ order, backward })));

    it.each(cases)(
      "$order, backward $backward: returns every row that exists throughout once, in its order",
      async ({ order, backward }) => {
        const before = new Set(await entries.sorted(order));
        const walked = await walk(order, backward, async () => {
          await entries.remove(below(60));
          await entries.insert(below(60));
        });
        const after = await entries.sorted(order);
        const throughout = after.filter((id) => before.has(id));
        expect(throughout.length).toBeGreaterThan(2000);
        expect(new Set(walked).size).toBe(walked.length);
        const kept = new Set(throughout);
        const expected = backward ? throughout.toReversed() : throughout;
        expect(walked.filter((id) => kept.has(id))).toEqual(expected);
      },
    );

    it.each(Object.keys(orders))("%s: returns the rows between two cursors", async (order) => {
      const all = await entries.sorted(order);
      const { cursorOf } = await reader.read(parse({ order, first: 400 }));
      const range = { order, after: cursorOf(99), before: cursorOf(120) };
      const ids = async (query: object): Promise<string[]> =>
        (await reader.read(parse({ ...range, ...query }))).items.map(({ id }) => String(id));
      expect(await ids({ first: 100 })).toEqual(all.slice(100, 120));
      expect(await ids({ first: 5 })).toEqual(all.slice(100, 105));
      expect(await ids({ last: 5 })).toEqual(all.slice(115, 120));
    });

    it("continues by cursor from a numbered page, and back", async () => {
      const all = await entries.sorted("nullsLast");
      const numbered = await reader.read(parse({ order: "nullsLast", page: "21", limit: "100" }));
      expect(numbered.items.map(({ id }) => String(id))).toEqual(all.slice(2000, 2100));
      const next = await reader.read(parse({ order: "nullsLast", limit: 70, after: numbered.pageInfo.endCursor }));
      const back = await reader.read(parse({ order: "nullsLast", limit: 30, before: next.pageInfo.startCursor }));
      expect(next.items.map(({ id }) => String(id))).toEqual(all.slice(2100, 2170));
      expect(back.items.map(({ id }) => String(id))).toEqual(all.slice(2070, 2100));
    });

    it("continues after a deleted row", async () => {
      const page = await reader.read(parse({ order: "nullsFirst", first: 10 }));
      await entries.pool.query("delete from entries where id = any($1)", [page.items.map(({ id }) => String(id))]);
      const next = await reader.read(parse({ order: "nullsFirst", first: 10, after: page.pageInfo.endCursor }));
      expect(next.items.map(({ id }) => String(id))).toEqual((await entries.sorted("nullsFirst")).slice(0, 10));
    });
  });
}

/** Reads a page with a total. */
export type Count = (args: PageArgs, total: TotalKind) => Promise<Page<unknown>>;

/** The contract of a total, for every client. */
export function describeTotals(
  name: string,
  server: string,
  open: (entries: Entries) => Promise<{ readonly count: Count; close?(): Promise<void> }>,
): void {
  it.skipIf(!server)(`a total read by ${name} is exact, or estimated and says so`, async () => {
    const entries = await makeEntries(server, `pagination_${name}_totals`);
    const { count, close } = await open(entries);
    await entries.remove(1000);
    await entries.pool.query("vacuum analyze entries");
    const first = entryPages.parse({ first: 1 }, { tenantId: TENANT });
    expect((await count(first, "exact")).total).toEqual({ value: ROWS - 1000, exact: true });
    const estimated = (await count(first, "estimated")).total;
    expect(estimated).toEqual({ value: expect.closeTo(ROWS - 1000, -3) as number, exact: false });
    await close?.();
    await entries.close();
  });
}
