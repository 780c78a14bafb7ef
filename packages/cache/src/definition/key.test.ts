import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type KeyParts, keyText, keyTextOf, storeText } from "./key.js";

const SEED = 20_261_120;
fc.configureGlobal({ seed: SEED, numRuns: 2000 });

// Strings that are easily confused when they are joined or escaped.
const text = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", ":", "%", "3", "\u0000", "*", "u", "\ud800", "é"), maxLength: 6 }),
  fc.constantFrom("%3a", "%00", "\u0000a:b", "%ud800"),
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

  it("of a single string are that string", () => {
    expect(keyText("ana@example.com")).toBe("ana@example.com");
    expect(keyText("a:b %")).toBe("a:b %");
    expect(storeText("a:b")).toBe("a%3ab");
    expect(keyText(7)).toBe("7");
  });
});
