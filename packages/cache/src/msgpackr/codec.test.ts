import fc from "fast-check";
import * as msgpackr from "msgpackr";
import { describe, expect, inject, it } from "vitest";
import { startNode, untilServed } from "../../scenarios/node.js";
import { entryReject } from "../index.js";
import { msgpackrCodec } from "./index.js";

fc.configureGlobal({ seed: 20_261_120 });

const codec = msgpackrCodec(msgpackr);
const url = inject("redisUrl");
const back = (value: unknown): unknown => codec.decode(codec.encode(value));
const text = (...bytes: number[]): string => Buffer.from(bytes).toString("latin1");
const string = (of: string): number[] => [0xa0 + of.length, ...Buffer.from(of)];
const outcomeOf = (work: () => unknown): { readonly value: unknown } | { readonly error: unknown } => {
  try {
    return { value: work() };
  } catch (error) {
    return { error };
  }
};
/** What msgpackr itself would write, without our checks. */
const raw = (value: unknown, options: object = {}): string =>
  Buffer.from(new msgpackr.Packr({ moreTypes: true, mapsAsObjects: false, ...options }).pack(value)).toString("latin1");

/** Everything that is promised to come back. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false, "", 0, Number.NaN, Number.POSITIVE_INFINITY),
    fc.string({ unit: "grapheme", maxLength: 100 }).filter((each) => !each.startsWith("\ufeff")),
    fc.integer(),
    fc.double({ noNaN: true }).filter((each) => !Object.is(each, -0)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
    fc.date(),
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.array(tie("value"), { maxLength: 5 }).map((each) => new Set(each)),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 5 }).map((each) => new Map(each)),
    fc.dictionary(
      fc.string({ unit: "grapheme", maxLength: 20 }).filter((key) => !["__proto__", "__keys__"].includes(key)),
      tie("value"),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
}));

describe("msgpackrCodec", () => {
  it("gives back what it got, of the same types", () => {
    fc.assert(
      fc.property(value, (each) => {
        expect(back(each)).toStrictEqual(each);
      }),
      { numRuns: 500 },
    );
  });

  it("gives back lists of rows of more shapes than it can name at once", () => {
    const rows = Array.from({ length: 300 }, (_, i) => ({ [`a${i % 90}`]: i, [`b${i % 7}`]: `row ${i}` }));
    expect(back(rows)).toStrictEqual(rows);
    const many = Array.from({ length: 70_000 }, (_, i) => i);
    expect(back({ many, map: new Map(many.map((i) => [i, { i }])) })).toStrictEqual({
      ...{ many, map: new Map(many.map((i) => [i, { i }])) },
    });
  });

  it("writes the names of equal rows once", () => {
    const row = { identifier: "i1", customerName: "Ann", totalAmount: 12 };
    const page = Array.from({ length: 100 }, () => row);
    expect(codec.encode(page).length).toBeLessThan(JSON.stringify(page).length / 3);
  });

  it("keeps bytes that are nobody else's", () => {
    const kinds = [Uint8Array.from([1, 2, 3]), Buffer.from([1, 2, 3])];
    const read = back(kinds) as readonly Uint8Array[];
    expect(read).toStrictEqual(kinds);
    expect(read.map(({ buffer }) => buffer.byteLength)).toEqual([3, 3]);
  });

  class User {
    readonly name = "Ann";
  }
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  it.each([
    ["a class's object", { by: [new User()] }, ".by[0] is a User"],
    ["-0", { n: -0 }, ".n is -0"],
    ["a function", { f: () => 1 }, ".f is a function"],
    ["a symbol", [Symbol("s")], "[0] is a symbol"],
    ["half a pair", { t: "\ud800" }, ".t is a text that is not well-formed"],
    ["a BOM", `\ufeff${"x".repeat(70)}`, "it is a text that is not well-formed or begins with a BOM"],
    ["a bigint of more than 64 bits", 2n ** 64n, "it is a bigint of more than 64 bits"],
    ["a trap", JSON.parse('{"__proto__":{"a":1}}'), 'it has a property "__proto__"'],
    ["a name of msgpackr's own", { __keys__: 1 }, 'it has a property "__keys__"'],
    ["a typed array", new Float64Array(1), "it is a Float64Array"],
    ["an error", new Error("no"), "it is a Error"],
    ["a cycle", cycle, "is deeper than 200"],
  ])("refuses %s, and says where it is", (_what, refused, message) => {
    expect(() => codec.encode(refused)).toThrow(message);
  });

  it.each([
    ["nothing", ""],
    ["JSON", '{"a":1}'],
    ["characters that are no bytes", "\u0101"],
    ["more after the value", text(0xc0, 0xc0)],
    ["a list that is cut off", text(0x92, 0x01)],
    ["a list that claims four billion values", text(0xdd, 0xff, 0xff, 0xff, 0xff)],
    ["a map that claims four billion values", text(0xdf, 0xff, 0xff, 0xff, 0xff)],
    ["a text that claims more than there is", text(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61)],
    ["lists in lists without end", text(...Array.from({ length: 100_000 }, () => 0x91), 0xc0)],
    ["a record that was not defined", text(0x41, 0x01)],
    ["a trap", text(0xd4, 0x72, 0x40, 0x91, ...string("__proto__"), 0x01)],
    ["names that are no texts", text(0xd4, 0x72, 0x40, 0x91, 0x91, 0x01, 0x01)],
    ["a set of a text", text(0xd4, 0x73, 0x00, ...string("abc"))],
    ["a regular expression", raw(/(a+)+$/)],
    ["an error", raw(new Error("no"))],
    ["a pointer", raw([cycle], { structuredClone: true })],
    ["bundled texts", raw(["some text", "some other text"], { bundleStrings: true })],
    ["a bigint of any length", raw(2n ** 200n)],
    ["a list of doubles", raw(new Float64Array(2))],
  ])("does not read %s", (_what, hostile) => {
    expect(() => codec.decode(hostile)).toThrow(/not of this codec|no bytes/);
  });

  it("reads no bytes but those that it may have written, whatever they are", () => {
    const some = [
      codec.encode([
        { a: 1, b: new Date(5) },
        { a: 2, b: new Set(["x"]) },
      ]),
      codec.encode({ m: new Map([[1n, 2]]) }),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...some), fc.nat(), fc.integer({ min: 0, max: 255 }), (good, at, byte) => {
        const bytes = Buffer.from(good, "latin1");
        bytes[at % bytes.length] = byte;
        const read = outcomeOf(() => codec.decode(bytes.toString("latin1")));
        // Refused, or another value of the same format: then it is one that can be written.
        const written = "error" in read ? read : outcomeOf(() => codec.encode(read.value));
        const errors = "error" in written ? String(written.error) : "TypeError: not of this codec";
        expect(errors).toMatch(/^TypeError: (?:not of this codec|.*(?:is -0|BOM))/);
      }),
      { numRuns: 3000 },
    );
    expect(Object.hasOwn(Object.prototype, "a")).toBe(false);
  });
});

describe.skipIf(!url)("a cache with msgpackrCodec", () => {
  it("gives the same types from the loader, from memory and from Redis", async () => {
    const options = { prefix: `msgpackr:${process.pid}` };
    const [one, two] = [startNode(url, options), startNode(url, options)];
    await untilServed(one, two);
    const page = {
      at: new Date(1234.0),
      ids: new Set([1n, 2n]),
      by: new Map([["é|", { n: undefined }]]),
      bytes: Buffer.from([0, 124, 200, 255]),
      long: Array.from({ length: 500 }, (_, i) => ({ id: i, name: "ünï" })),
    };
    const rowOf = ({ cache }: typeof one) =>
      cache.define({ name: "page", key: (id: string) => id, ttl: "1m", format: { codec }, load: () => page });
    const [first, second] = [rowOf(one), rowOf(two)];
    expect(await one.cache.tenant("acme").get(first, "a")).toStrictEqual(page);
    await expect.poll(() => one.cache.tenant("acme").peek(first, "a")).toStrictEqual(page);
    const there = await two.cache.tenant("acme").getWithInfo(second, "a");
    expect(there.source).toBe("store");
    expect(there.value).toStrictEqual(page);
    one.close();
    two.close();
  });

  it("loads again what was written without it", async () => {
    const options = { prefix: `msgpackr:${process.pid}:json` };
    const [one, two] = [startNode(url, options), startNode(url, options)];
    await untilServed(one, two);
    const shared = { name: "row", key: (id: string) => id, ttl: "1m" } as const;
    const plain = one.cache.define({ ...shared, load: () => ({ of: "one" }) });
    const packed = two.cache.define({ ...shared, format: { codec }, load: () => ({ of: "two" }) });
    const rejected: unknown[] = [];
    const stop = entryReject.subscribe(({ reason }) => rejected.push(reason));
    await one.cache.tenant("acme").set(plain, { params: "a", value: { of: "one" } });
    expect(await two.cache.tenant("acme").get(packed, "a")).toEqual({ of: "two" });
    expect(rejected).toEqual([expect.stringContaining("not of this codec")]);
    stop();
    one.close();
    two.close();
  });
});
