import { inject } from "vitest";
import { TENANT } from "../../test/entries.js";
import { describeTotals, describeWalks } from "../../test/walks.js";
import { sqlPage, sqlParts } from "./index.js";

const server = inject("postgresUrl");
const where = { text: "tenant_id = $1 -- with a comment at its end", values: [TENANT] };
const row = ({ id }: Readonly<Record<string, unknown>>): { id: string } => ({ id: String(id) });

describeWalks("sql", server, async ({ pool }) => ({
  read: (args) => sqlPage(pool, args, { from: "entries", where, row }),
}));

describeTotals("sql", server, async ({ pool }) => ({
  count: (args, total) => sqlPage(pool, args, { from: "entries", where, total }),
}));

describeWalks("sql_parts", server, async ({ pool }) => ({
  async read(args) {
    const { position, where, orderBy, limit, offset, values, page } = sqlParts(args, [TENANT]);
    const { rows } = await pool.query(
      `select e.id, ${position} from entries e
       where tenant_id = $1 and ${where} order by ${orderBy} limit ${limit} offset ${offset}`,
      values,
    );
    const { items, ...rest } = page(rows);
    return { ...rest, items: items.map(row), cursorOf: page(rows).cursorOf };
  },
}));
