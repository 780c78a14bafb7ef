import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyParts, keyText, keyTextOf, storeText } from "./key.js";

const SEED = 20_261_120;
fc.configureGlobal({ seed: SEED, numRuns: 2000 });

// Strings that are easily confused when they are joined or escaped.
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", ":", "%", "3", "\u0000", "*", "u", "\ud800", "é"), maxLength: 6 }),
  fc.constantFrom("%3a", "%00", "\u0000a:b", "%ud800", "%sha256-a"),
  // Around the length from which a key is a digest, before and after it is escaped.
  fc.constantFrom(
    "x".repeat(511),
    "x".repeat(512),
    "x".repeat(513),
    ":".repeat(200),
    ":".repeat(512),
    "\u0000".repeat(512),
  ),
);
const parts: fc.Arbitrary<KeyParts> = fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 }));

/** A list of one part equals the part. */
const meaning = (key: KeyParts): string => JSON.stringify(Array.isArray(key) && key.length === 1 ? key[0] : key);

describe("keys", () => {
  it("are different for different parts, in memory and in the store", () => {
    fc.assert(
      fc.property(parts, parts, (one, two) => {
        const isSame = meaning(one) === meaning(two);
        expect(keyText(one) === keyText(two)).toBe(isSame);
        expect(storeText(keyText(one)) === storeText(keyText(two))).toBe(isSame);
      }),
    );
  });

  it("are converted back from the keys of the store", () => {
    fc.assert(
      fc.property(parts, (key) => {
        expect(keyTextOf(storeText(keyText(key)))).toBe(keyText(key));
      }),
    );
  });

  it("are at most 3,072 characters in the store, however long their parts are", () => {
    const long = ["x".repeat(1_000_000), "\u0001".repeat(512), ["a", "b".repeat(600)], Array(5000).fill("k")];
    for (const key of long) expect(storeText(keyText(key)).length).toBeLessThanOrEqual(3072);
    const forged = storeText(keyText("x".repeat(513)));
    expect(storeText(keyText(forged))).not.toBe(forged);
  });

  it("of a single string are that string", () => {
    expect(keyText("ana@example.com")).toBe("ana@example.com");
    expect(keyText("a:b %")).toBe("a:b %");
    expect(storeText("a:b")).toBe("a%3ab");
    expect(keyText(7)).toBe("7");
  });

  it("of numbers, bigints and booleans are those of their text", () => {
    expect(keyText(["list", 7n, true, -0.5])).toBe(keyText(["list", "7", "true", "-0.5"]));
    expect(keyText(-0)).toBe(keyText(0));
    expect(keyText(12n)).toBe("12");
  });

  it.each([[{ status: "open" }], [undefined], [null], [Number.NaN], [Infinity], [Symbol("a")], [["a"]], [() => 1]])(
    "refuse a part that is %s",
    (part) => {
      const parts: readonly unknown[] = ["list", part];
      expect(() => keyText(parts as KeyParts)).toThrow(
        /^key: expected strings, finite numbers, bigints or booleans, got /,
      );
    },
  );
});
