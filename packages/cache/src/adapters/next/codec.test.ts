import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextCodec } from "./codec.js";

fc.configureGlobal({ seed: 20_261_120 });

const back = (value: unknown): unknown => nextCodec.decode(nextCodec.encode(value));

const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, -0, Number.NaN, Number.NEGATIVE_INFINITY, "$"),
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.date(),
    fc.uint8Array(),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.array(tie("value")),
    fc.array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 }).map((each) => new Map(each)),
    fc.dictionary(fc.oneof(fc.string(), fc.constant("$")), tie("value"), { noNullPrototype: true }),
  ),
}));

describe("nextCodec", () => {
  it("returns the values that it encoded, with the same types", () => {
    fc.assert(
      fc.property(
        value.filter((each) => !JSON.stringify(each, (_key, v: unknown) => v)?.includes("__proto__")),
        (each) => {
          expect(back(each)).toStrictEqual(each);
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    [new Set([1])],
    [() => 1],
    [1n],
    [Symbol("s")],
    [new URL("http://a")],
    [{ a: { b: [new Float64Array(1)] } }],
  ])("refuses values that would come back as another type: %s", (refused) => {
    expect(() => nextCodec.encode(refused)).toThrow("expected a type that the cache can store");
  });

  it.each([
    '{"__proto__":{"a":1}}',
    '{"a":{"\\u005f_proto__":1}}',
    '{"$":["o",[["__proto__",{"a":1}]]]}',
    '{"$":["x",1]}',
    '{"$":["o",{}]}',
    '{"$":["m",[[1]]]}',
    '{"$":["b",1]}',
    '{"$":1}',
    `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
    "",
  ])("does not read %.40s", (hostile) => {
    expect(() => nextCodec.decode(hostile)).toThrow();
  });
});
