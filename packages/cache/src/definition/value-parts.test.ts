import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findNonJson } from "./value-parts.js";

fc.configureGlobal({ seed: 20_261_120 });

describe("findNonJson", () => {
  it("accepts exactly the values that JSON returns unchanged", () => {
    const leaf = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.double(),
      fc.integer(),
      fc.constant(undefined),
    );
    const odd = fc.oneof(
      leaf,
      fc.date(),
      fc.bigInt(),
      fc.constant(new Map([["a", 1]])),
      fc.constant(() => 1),
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        odd,
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", "c"), tie("node"), { noNullPrototype: true }),
      ),
    })).node;
    const comesBack = (each: unknown): boolean => {
      try {
        expect(JSON.parse(JSON.stringify(each))).toStrictEqual(each);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(value, (each) => {
        expect(findNonJson(each) === undefined).toBe(comesBack(each));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [{ a: [{ at: new Date(0) }] }, ".a[0].at is a Date"],
    [{ n: Number.NaN }, ".n is NaN"],
    [[undefined], "[0] is undefined"],
    [{ f: 1n }, ".f is a bigint"],
    [{ toJSON: () => 1 }, "it has toJSON"],
  ])("names the path: %o", (value, where) => {
    expect(findNonJson(value)).toBe(where);
  });
});

it("describes the value even if its class has no name", () => {
  expect(findNonJson({ a: [{ b: new Date(0) }] })).toBe(".a[0].b is a Date");
  expect(findNonJson(Object.create(Object.create(null)))).toBe("it is an object of its own kind");
});
