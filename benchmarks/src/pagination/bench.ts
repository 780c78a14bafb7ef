import { type Page, type PageArgs } from "@scale/pagination";
import { sqlPage, type SqlRow } from "@scale/pagination/sql";
import { type Bound, compareAll, type CompareOptions, type Line, type SectionOptions } from "@scale/testkit";
import { line } from "../gate.js";
import { makeTable, type OrderName, orderNames, ORDERS, page, SIZE, type Table, TENANT } from "./data.js";

/** Depth of the deep page as a share of the table: 990,000 rows of a million. */
const DEEP = 0.99;
const LIST = { from: "items", where: { text: "tenant_id = $1", values: [TENANT] } };

/** How much does a deep page cost, compared with the first page and with OFFSET? Whole rows, on a separate server. */
export async function* pagination({ smoke }: SectionOptions): AsyncIterable<Line> {
  const table = await makeTable(smoke ? 20_000 : 1_000_000);
  try {
    for (const order of orderNames) yield* depth(table, order, smoke);
    yield await total(table, smoke);
  } finally {
    await table.close();
  }
}

async function* depth({ db, rows }: Table, order: OrderName, smoke: boolean): AsyncIterable<Line> {
  const offset = Math.floor(rows * DEEP);
  const context = { tenantId: TENANT };
  const read = (args: PageArgs): Promise<Page<SqlRow>> => sqlPage(db, args, LIST);
  const { pageInfo } = await read(page.parse({ order, page: offset / SIZE }, context));
  const first = page.parse({ order }, context);
  const deep = page.parse({ order, after: pageInfo.endCursor }, context);
  const byOffset = `select * from items where tenant_id = $1 order by ${ORDERS[order].index} limit ${SIZE} offset ${offset}`;

  const pages = await compareAll({ first: () => read(first), deep: () => read(deep) }, rounds(smoke, 25, 60));
  const name = `pagination: ${order}, ${offset} rows deep`;
  yield figures(name, pages.deep.p50Ms, {
    p50Ms: pages.first.p50Ms,
    against: "the first page",
    ratio: pages.deep.ratio,
    gate: { atMost: 5 },
  });
  const beside = await compareAll(
    { deep: () => read(deep), offset: () => db.query(byOffset, [TENANT]) },
    rounds(smoke, 5, 100),
  );
  yield figures(name, beside.deep.p50Ms, {
    p50Ms: beside.offset.p50Ms,
    against: "OFFSET, times as long",
    ratio: beside.offset.ratio,
    gate: { atLeast: 100 },
  });
}

/** How much does a total cost, exact and estimated? */
async function total({ db, rows }: Table, smoke: boolean): Promise<Line> {
  const first = page.parse({}, { tenantId: TENANT });
  const sides = await compareAll(
    {
      estimated: () => sqlPage(db, first, { ...LIST, total: "estimated" }),
      exact: () => sqlPage(db, first, { ...LIST, total: "exact" }),
    },
    rounds(smoke, 5, 100),
  );
  return figures(`pagination: a page and its total of ${rows} rows`, sides.estimated.p50Ms, {
    p50Ms: sides.exact.p50Ms,
    against: "an exact total, times as long",
    ratio: sides.exact.ratio,
  });
}

interface Beside {
  readonly p50Ms: number;
  readonly against: string;
  readonly ratio: number;
  readonly gate?: Bound;
}

const figures = (bench: string, ours: number, { p50Ms, against, ratio, gate }: Beside): Line =>
  line({ bench, unit: "p50 ms", ours, peer: p50Ms, against, ratio, gate });

const rounds = (smoke: boolean, count: number, durationMs: number): CompareOptions =>
  smoke ? { rounds: 1, warmup: 0, durationMs: 20 } : { rounds: count, warmup: 1, durationMs };
