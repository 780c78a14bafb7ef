import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConfigError } from "./errors.js";
import { joinKey, keySegment, tenantKey } from "./keys.js";

fc.configureGlobal({ seed: 20_261_120 });

const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(":", "%", "{", "}", "*", "a", "3", "u", "\u0000", "\ud800", "\udc00") }),
);
/** The bytes that the server receives: UTF-8 turns every lone surrogate into the same replacement character. */
const onTheWire = (key: string): string => Buffer.from(key, "utf8").toString("hex");

describe("joinKey", () => {
  it("builds different keys for different lists", () => {
    const lists = fc.array(text, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const same = a.length === b.length && a.every((part, i) => part === b[i]);
        expect(onTheWire(joinKey(a)) === onTheWire(joinKey(b))).toBe(same);
      }),
      { numRuns: 5000, seed: 20_261_120 },
    );
  });

  it("separates lists that a plain join would mix", () => {
    const lists = [
      ["a:b", "c"],
      ["a", "b:c"],
      ["a", "b", "c"],
      ["a%3ab", "c"],
      ["a", "", "b", "c"],
      ["\ud800"],
      ["\udc00"],
      ["\ufffd"],
      ["%ud800"],
      [""],
      ["", ""],
    ];
    expect(new Set(lists.map((list) => onTheWire(joinKey(list)))).size).toBe(lists.length);
  });

  it("throws for an empty list", () => {
    expect(() => joinKey([])).toThrow(ConfigError);
  });
});

describe("keySegment", () => {
  it("returns strings without special characters unchanged", () => {
    for (const plain of ["acme", "user-1", "a.b_c", "größe", "東京", "\u{1f4a5}"])
      expect(keySegment(plain)).toBe(plain);
  });

  it("escapes every character that Redis reads as a tag or a glob", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(keySegment(value)).not.toMatch(/[{}*?[\]\\:]/);
      }),
    );
  });
});

describe("tenantKey", () => {
  it("makes the tenant the hash tag, whatever the ids contain", () => {
    const tag = (key: string): string | undefined => /\{([^}]*)\}/.exec(key)?.[1];
    expect(tenantKey("scale:rl", "acme", ["api", "u1"])).toBe("scale:rl:{acme}:api:u1");
    expect(tag(tenantKey("p", "a}b{c", ["x}{y"]))).toBe("a%7db%7bc");
  });
});
