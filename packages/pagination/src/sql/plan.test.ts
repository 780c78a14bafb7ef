import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, definePage, desc } from "../index.js";
import { sqlPage } from "./index.js";
import { pageStatement } from "../keyset/statement.js";

const server = inject("postgresUrl");

// 20,000 rows of a tenant, a thousand per day: far more than a page are equal in the first key.
const TABLE = `
create table orders (tenant_id text not null, id int not null, day date not null, score int, primary key (tenant_id, id));
insert into orders select 'acme', i, date '2026-01-01' + i / 1000, nullif(i % 5, 0) from generate_series(1, 20000) i;
create index on orders (tenant_id, day desc, id desc);
create index on orders (tenant_id, day desc, id);
create index on orders (tenant_id, day desc, score nulls last, id desc);
create index on orders (tenant_id, score desc nulls last, id);
vacuum analyze orders;`;

const by = {
  uniform: [desc("day"), desc("id")],
  mixed: [desc("day"), asc("id")],
  nullable: [desc("day"), asc("score", { nulls: "last" }), desc("id")],
  leading: [desc("score", { nulls: "last" }), asc("id")],
} as const;
const page = definePage({ by, secret: SECRET, maxOffset: 20_000 });
const list = { from: "orders", where: { text: "tenant_id = $1", values: ["acme"] } };

interface Node {
  readonly "Node Type": string;
  readonly "Actual Rows": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly Node[];
}

describe.skipIf(!server)("the statement of a page", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    const connectionString = await createDatabase(server, "pagination_plan");
    // Without sorts: the planner may prefer one for a range with few rows, and the test asks whether the index can serve it.
    db = new Pool({ connectionString, options: "-c enable_sort=off -c enable_incremental_sort=off" });
    for (const statement of TABLE.split(";")) await db.query(statement);
  });
  afterAll(() => db.end());

  const cases = Object.keys(by).flatMap((order) =>
    // In the middle of a day, on a row with a score and on one without.
    [10_500, 10_801, 19_900].flatMap((at) =>
      ["after", "before"].map((side) => ({ order, at, side, renames: at === 10_500 })),
    ),
  );

  it.each(cases)("$order, $side row $at: reads at most a page per range", async ({ order, at, side, renames }) => {
    const context = { tenantId: "acme" };
    const number = page.parse({ order, limit: 1, page: at }, context);
    const { pageInfo } = await sqlPage(db, number, list);
    const args = page.parse({ order, limit: 20, [side]: pageInfo.endCursor }, context);
    const { text, values } = pageStatement(args, { ...list, select: "*", renames });
    const { rows } = await db.query(`explain (analyze, format json) ${text}`, [...values]);
    const nodes = all(rows[0]["QUERY PLAN"][0].Plan);
    const scans = nodes.filter((node) => node["Node Type"].includes("Scan"));
    expect(scans.every((node) => /^(?:Index|Subquery)/.test(node["Node Type"]))).toBe(true);
    // At most one page for each of at most five ranges.
    expect(Math.max(...scans.map((node) => node["Actual Rows"]))).toBeLessThanOrEqual(21);
    expect(nodes.reduce((sum, node) => sum + (node["Rows Removed by Filter"] ?? 0), 0)).toBe(0);
  });
});

const all = (node: Node): Node[] => [node, ...(node.Plans ?? []).flatMap(all)];
