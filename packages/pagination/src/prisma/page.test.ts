import { describe, expect, it } from "vitest";
import { SECRET } from "../../test/entries.js";
import { asc, connection, definePage } from "../index.js";
import { type PrismaClient, prismaPage } from "./index.js";

const page = definePage({ by: [asc("seq")], secret: SECRET, tenants: "shared" });

/** A client whose statement returns these ids. */
function finding(...ids: readonly string[]): PrismaClient & { readonly queries: string[] } {
  const queries: string[] = [];
  return {
    queries,
    async $queryRawUnsafe(query) {
      queries.push(query);
      return ids.map((id) => ({ scale_page_id: id, scale_page_position: `["${id}"]` }));
    },
  };
}

const list = { from: "orders", id: { field: "id", type: "Int" } } as const;

describe("prismaPage", () => {
  it("sorts the rows by the order of the ids, and reads none after the page", async () => {
    const read: number[][] = [];
    const find = async (ids: number[]) => {
      read.push(ids);
      return ids.toSorted((a, b) => a - b).map((id) => ({ id }));
    };
    const { items, pageInfo } = await prismaPage(finding("3", "1", "2"), page.parse({ first: 2 }), { ...list, find });
    expect(read).toEqual([[3, 1]]);
    expect(items).toEqual([{ id: 3 }, { id: 1 }]);
    expect(pageInfo.hasNextPage).toBe(true);
  });

  it("leaves out a row that was deleted between the steps, and keeps its position for the next page", async () => {
    const args = page.parse({ first: 3 });
    const find = async (ids: number[]) => ids.filter((id) => id === 2).map((id) => ({ id }));
    const found = await prismaPage(finding("1", "2", "3", "4"), args, { ...list, find });
    expect(connection(found)).toEqual({
      edges: [{ node: { id: 2 }, cursor: args.cursorOf(["2"]) }],
      nodes: [{ id: 2 }],
      pageInfo: {
        hasNextPage: true,
        hasPreviousPage: false,
        startCursor: args.cursorOf(["1"]),
        endCursor: args.cursorOf(["3"]),
      },
    });
  });

  it.each([
    ["String", "0b1f", "0b1f"],
    ["Int", "7", 7],
    ["BigInt", "9007199254740993", 9007199254740993n],
  ] as const)("finds rows by ids that are %s in the model", async (type, text, id) => {
    const find = async (ids: readonly (string | number | bigint)[]) => ids.map((orderId) => ({ orderId }));
    const source = { from: "orders", id: { field: "orderId", column: "o.order_id", type }, find };
    const client = finding(text);
    expect((await prismaPage(client, page.parse({}), source)).items).toEqual([{ orderId: id }]);
    expect(client.queries[0]).toContain('select "o"."order_id"::text as');
  });

  it("accepts rows whose ids were converted to strings", async () => {
    const find = async (ids: bigint[]) => ids.map((id) => ({ id: String(id) }));
    const source = { from: "orders", id: { field: "id", type: "BigInt" }, find } as const;
    const { items } = await prismaPage(finding("9007199254740993"), page.parse({}), source);
    expect(JSON.stringify(items)).toBe('[{"id":"9007199254740993"}]');
  });

  it("does not call find without ids", async () => {
    const find = () => Promise.reject(new Error("asked"));
    const { items, pageInfo } = await prismaPage(finding(), page.parse({}), { ...list, find });
    expect(items).toEqual([]);
    expect(pageInfo.endCursor).toBeNull();
  });

  it("rejects when the client does not return rows", async () => {
    const client: PrismaClient = { $queryRawUnsafe: async () => 5 };
    const page5 = prismaPage(client, page.parse({}), { ...list, find: async () => [] });
    await expect(page5).rejects.toMatchObject({ code: "SCALE_STORE", message: "expected rows, got 5" });
  });

  it("rejects rows without an id", async () => {
    const find = async () => [{ name: "a" }];
    await expect(prismaPage(finding("1"), page.parse({}), { ...list, find })).rejects.toMatchObject({
      code: "SCALE_CONFIG",
      message: "prismaPage: find: expected rows with the field id, got undefined",
    });
  });

  it("rejects with the client's error as its cause, in both steps", async () => {
    const lost = new Error("connection lost");
    const broken: PrismaClient = { $queryRawUnsafe: () => Promise.reject(lost) };
    const find = () => Promise.reject(lost);
    const failure = { code: "SCALE_STORE", cause: lost };
    await expect(prismaPage(broken, page.parse({}), { ...list, find })).rejects.toMatchObject(failure);
    await expect(prismaPage(finding("1"), page.parse({}), { ...list, find })).rejects.toMatchObject(failure);
  });
});
