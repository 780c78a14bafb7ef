import { tenancy } from "@scale/core";
import { describe, expect, it } from "vitest";
import { SECRET } from "../test/entries.js";
import { asc, definePage, desc, type PageSize, pageSizes } from "./index.js";

const by = { newest: [desc("created_at"), desc("id")], oldest: [asc("created_at"), asc("id")] } as const;
const page = definePage({ by, secret: SECRET, maxOffset: 1000 });
const acme = { tenantId: "acme" };
const parse = (query: object) => page.parse(query, acme);
const cursor = parse({}).cursorOf(["2026-01-31 09:00:00.123456+00", "7"]);

describe("the size of a page", () => {
  it("is 50 by default, or the default of the definition", () => {
    expect(parse({}).size).toBe(50);
    expect(definePage({ by, secret: SECRET, maxSize: "small" }).parse({}, acme).size).toBe(20);
    expect(definePage({ by, secret: SECRET, defaultSize: 10 }).parse({}, acme).size).toBe(10);
  });

  it.each([
    ["20", 20],
    [20, 20],
    ["020", 20],
    ["100", 100],
    ["101", 100],
    [1e9, 100],
    ["1000000000", 100],
    ["9".repeat(400), 100],
    [Number.MAX_VALUE, 100],
    [null, 50],
    [undefined, 50],
  ])("requested as %j is %i", (value, size) => {
    for (const name of ["first", "last", "limit"]) expect(parse({ [name]: value }).size).toBe(size);
  });

  it.each([0, "0"])("is an empty page for %j of first and last, as Relay says, and no limit", (value) => {
    for (const name of ["first", "last"]) expect(parse({ [name]: value }).size).toBe(0);
    expect(() => parse({ limit: value })).toThrow(expect.objectContaining({ code: "SCALE_INPUT", status: 400 }));
  });

  it.each([
    -1,
    1.5,
    Number.NaN,
    Infinity,
    -Infinity,
    "-1",
    "1.5",
    "1e9",
    "0x10",
    "+5",
    " 5",
    "",
    "NaN",
    "10; drop table orders",
    "\u0665",
    true,
    ["5"],
    ["5", "6"],
    [],
    { gt: 5 },
    "1".repeat(100_000) + "x",
  ])("cannot be %j", (value) => {
    for (const name of ["first", "last", "limit"]) {
      expect(() => parse({ [name]: value })).toThrow(
        expect.objectContaining({ code: "SCALE_INPUT", status: 400, message: expect.stringContaining(name) }),
      );
    }
  });

  it("cannot be a bigint", () => {
    expect(() => parse({ limit: 10n })).toThrow("limit: expected an integer >= 1, got 10n");
  });

  it("is requested with one parameter", () => {
    expect(() => parse({ limit: 1, first: 1 })).toThrow("first and limit: expected only one of them");
    expect(() => parse({ limit: 1, last: 1 })).toThrow("last and limit: expected only one of them");
  });

  it("is the size of the tenant's plan, capped by the definition", () => {
    const heavy = definePage({ by, secret: SECRET, maxSize: 60 });
    const sizes = (definition: typeof page, limit: number | null, pageSize: PageSize): number =>
      definition.parse({ limit }, { ...acme, pageSize }).size;
    expect(sizes(page, 90, { max: 30 })).toBe(30);
    expect(sizes(page, null, { max: 30 })).toBe(30);
    expect(sizes(page, null, { default: 10, max: 30 })).toBe(10);
    expect(sizes(page, 1e9, { max: 500 })).toBe(500);
    expect(sizes(page, 1e9, { max: Infinity })).toBe(10_000);
    expect(sizes(page, 1e9, { default: undefined, max: undefined })).toBe(100);
    expect(sizes(heavy, 1e9, { max: 500 })).toBe(60);
    expect(sizes(heavy, 1e9, { max: 20 })).toBe(20);
    expect(sizes(heavy, null, { default: 70 })).toBe(60);
  });

  it.each([Number.NaN, 0, -1])("throws for a plan with %d", (value) => {
    expect(() => page.parse({}, { ...acme, pageSize: { max: value } })).toThrow(TypeError);
    expect(() => page.parse({}, { ...acme, pageSize: { default: value } })).toThrow(TypeError);
  });

  it("has names for sizes", () => {
    expect(pageSizes).toEqual({ small: 20, medium: 50, large: 100, xlarge: 500 });
    const sizes = (["small", "medium", "large", "xlarge"] as const).map(
      (maxSize) => definePage({ by, secret: SECRET, maxSize }).parse({ limit: 9999 }, acme).size,
    );
    expect(sizes).toEqual([20, 50, 100, 500]);
  });
});

describe("the position of a page", () => {
  it("is after a cursor, or before one", () => {
    const position = ["2026-01-31 09:00:00.123456+00", "7"];
    expect(parse({ after: cursor })).toMatchObject({ after: position, before: undefined, backward: false });
    expect(parse({ before: cursor })).toMatchObject({ after: undefined, before: position, backward: true });
    expect(parse({ last: 5 })).toMatchObject({ backward: true, offset: 0 });
    expect(parse({ first: 5, before: cursor })).toMatchObject({ before: position, backward: false });
    expect(parse({ after: cursor, before: cursor }).backward).toBe(false);
  });

  it("is read from URLSearchParams as from an object", () => {
    const query = new URLSearchParams({ limit: "5", after: cursor, order: "newest", color: "red" });
    expect(parse(query)).toMatchObject({ size: 5, order: "newest", after: expect.any(Array) as unknown });
    query.append("after", cursor);
    expect(() => parse(query)).toThrow("after: expected one string");
  });

  it("is a page number up to the maxOffset of the definition", () => {
    expect(parse({ page: "3", limit: 20 })).toMatchObject({ offset: 40, size: 20 });
    expect(parse({ page: 51, limit: 20 }).offset).toBe(1000);
    expect(() => parse({ page: 52, limit: 20 })).toThrow("page: expected at most 51 with 20 rows per page, got 52");
    const without = definePage({ by, secret: SECRET });
    expect(without.parse({ page: 1 }, acme).offset).toBe(0);
    expect(() => without.parse({ page: 2 }, acme)).toThrow("page: expected at most 1 with 50 rows per page, got 2");
  });

  it.each([0, -1, "1.5", "9".repeat(400), [1], "1; drop"])("throws for the page %j", (value) => {
    expect(() => parse({ page: value })).toThrow(expect.objectContaining({ status: 400 }));
  });

  it.each([{ after: cursor }, { before: cursor }, { last: 5 }])("throws for a page number with %j", (query) => {
    expect(() => parse({ page: 2, ...query })).toThrow("page: expected no page with");
    expect(() => parse({ page: "1", ...query })).toThrow("page: expected no page with");
  });
});

describe("the order of a page", () => {
  it("is the first, or the named one", () => {
    expect(parse({}).order).toBe("newest");
    expect(parse({ order: "oldest" })).toMatchObject({ order: "oldest", keys: by.oldest });
    expect(definePage({ by: by.newest, secret: SECRET }).parse({}, acme).order).toBe("default");
  });

  it.each(["id", "id desc", "", "__proto__", "constructor", "newest; drop table orders", ["newest"], 1, { a: 1 }])(
    "is not %j",
    (order) => {
      expect(() => parse({ order })).toThrow(
        expect.objectContaining({
          status: 400,
          message: expect.stringContaining("order: expected one of newest, oldest"),
        }),
      );
    },
  );
});

describe("the tenant of a page", () => {
  it("is the given one, or that of the current work", () => {
    expect(parse({}).tenantId).toBe("acme");
    expect(tenancy.run({ tenantId: "globex" }, () => page.parse({})).tenantId).toBe("globex");
  });

  it("throws without a tenant", () => {
    expect(() => page.parse({})).toThrow(expect.objectContaining({ code: "SCALE_TENANT" }));
    expect(() => page.parse({}, { tenantId: "" })).toThrow(expect.objectContaining({ code: "SCALE_TENANT" }));
  });

  it("is undefined for a shared list", () => {
    const shared = definePage({ by, secret: SECRET, tenants: "shared" });
    const { tenantId, cursorOf } = shared.parse({});
    expect(tenantId).toBeUndefined();
    expect(shared.parse({ after: cursorOf(["a", "b"]) }, { tenantId: "globex" }).after).toEqual(["a", "b"]);
    expect(() => page.parse({ after: cursorOf(["a", "b"]) }, acme)).toThrow("another tenant");
  });
});
