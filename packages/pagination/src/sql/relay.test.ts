import { createDatabase } from "@scale/testkit";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, connection, definePage } from "../index.js";
import { sqlPage } from "./index.js";

const server = inject("postgresUrl");
const page = definePage({ by: [asc("letter")], secret: SECRET, tenants: "shared" });
const row = ({ letter }: Readonly<Record<string, unknown>>): string => String(letter);

/** The arguments of a GraphQL field; a cursor is written as the letter of its row. */
interface Args {
  readonly first?: number;
  readonly last?: number;
  readonly after?: string;
  readonly before?: string;
}

// The rows are A to E. `X` and `-` sort after and before all rows and are not rows themselves.
const cases: readonly [args: Args, nodes: string, previous: boolean, next: boolean][] = [
  [{}, "ABCDE", false, false],
  [{ first: 2 }, "AB", false, true],
  [{ first: 5 }, "ABCDE", false, false],
  [{ first: 10 }, "ABCDE", false, false],
  [{ last: 2 }, "DE", true, false],
  [{ last: 5 }, "ABCDE", false, false],
  [{ last: 10 }, "ABCDE", false, false],
  [{ first: 2, after: "B" }, "CD", true, true],
  [{ first: 10, after: "B" }, "CDE", true, false],
  [{ last: 2, before: "D" }, "BC", true, true],
  [{ last: 10, before: "D" }, "ABC", false, true],
  [{ first: 2, after: "A", before: "E" }, "BC", true, true],
  [{ first: 3, after: "A", before: "E" }, "BCD", true, true],
  [{ first: 4, after: "A", before: "E" }, "BCD", true, true],
  [{ last: 2, after: "A", before: "E" }, "CD", true, true],
  [{ last: 4, after: "A", before: "E" }, "BCD", true, true],
  [{ first: 2, before: "D" }, "AB", false, true],
  [{ last: 2, after: "B" }, "DE", true, false],
  [{ after: "E" }, "", true, false],
  [{ before: "A" }, "", false, true],
  [{ after: "D", before: "C" }, "", true, true],
  [{ first: 2, after: "-" }, "AB", true, true],
  [{ first: 0 }, "", false, true],
  [{ first: 0, after: "E" }, "", true, false],
  [{ last: 0 }, "", true, false],
  [{ last: 0, before: "A" }, "", false, true],
  [{ first: 4, last: 2 }, "CD", true, true],
  [{ first: 10, last: 2 }, "DE", true, false],
  [{ first: 2, last: 10 }, "AB", false, true],
  [{ first: 2, last: 4 }, "AB", true, true],
  [{ first: 3, last: 2, after: "A" }, "CD", true, true],
  [{ first: 3, last: 0 }, "", true, true],
  [{ first: 3, last: 2, after: "A", before: "D" }, "BC", true, true],
  [{ last: 2, before: "X" }, "DE", true, true],
];

describe.skipIf(!server)("connection", () => {
  let db = {} as Pool;
  beforeAll(async () => {
    db = new Pool({ connectionString: await createDatabase(server, "pagination_relay") });
    await db.query(`create table letters (letter text collate "C" primary key)`);
    await db.query("insert into letters select unnest(array['C', 'A', 'E', 'B', 'D'])");
  });
  afterAll(() => db.end());

  const { cursorOf } = page.parse({});
  const argsOf = ({ after, before, ...size }: Args) =>
    page.parse({
      ...size,
      after: after === undefined ? null : cursorOf([after]),
      before: before === undefined ? null : cursorOf([before]),
    });

  it.each(cases)("for %j has %s; previous page %s, next page %s", async (args, letters, previous, next) => {
    const { edges, nodes, pageInfo } = connection(await sqlPage(db, argsOf(args), { from: "letters", row }));
    const expected = letters.split("");
    const cursors = expected.map((letter) => cursorOf([letter]));
    expect(nodes).toEqual(expected);
    expect(edges).toEqual(expected.map((node, i) => ({ node, cursor: cursors[i] })));
    expect(pageInfo).toEqual({
      hasPreviousPage: previous,
      hasNextPage: next,
      startCursor: cursors[0] ?? null,
      endCursor: cursors.at(-1) ?? null,
    });
  });

  it("keeps the total of its page", async () => {
    const counted = await sqlPage(db, argsOf({ first: 1 }), { from: "letters", row, total: "exact" });
    expect(connection(counted).total).toEqual({ value: 5, exact: true });
    const uncounted = await sqlPage(db, argsOf({ first: 1 }), { from: "letters", row });
    expect(connection(uncounted)).not.toHaveProperty("total");
  });
});
