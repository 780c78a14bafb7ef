import { seededRandom } from "@scale/testkit";
import { describe, expect, it } from "vitest";
import { hashPrefix, murmur3 } from "./murmur3.js";

const hash = (text: string, seed = 0): number => murmur3(hashPrefix("", seed), text) >>> 0;

describe("murmur3", () => {
  // Published vectors: Ian Boyd, https://stackoverflow.com/a/31929528, and the reference implementation.
  it.each([
    ["", 0, 0x00000000],
    ["", 1, 0x514e28b7],
    ["", 0xffffffff, 0x81f16f39],
    ["\0\0\0\0", 0, 0x2362f9de],
    ["aaaa", 0x9747b28c, 0x5a97808a],
    ["aaa", 0x9747b28c, 0x283e0130],
    ["aa", 0x9747b28c, 0x5d211726],
    ["a", 0x9747b28c, 0x7fa09ea6],
    ["abcd", 0x9747b28c, 0xf0478627],
    ["abc", 0x9747b28c, 0xc84a62dd],
    ["ab", 0x9747b28c, 0x74875592],
    ["abc", 0, 0xb3dd93fa],
    ["Hello, world!", 0x9747b28c, 0x24884cba],
    ["\u03c0\u03c0\u03c0\u03c0\u03c0\u03c0\u03c0\u03c0", 0x9747b28c, 0xd58063c1],
    ["a".repeat(256), 0x9747b28c, 0x37405bdc],
    ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0, 0xee925b90],
    ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
  ])("hashes %j with seed %i as published", (text, seed, expected) => {
    expect(hash(text, seed)).toBe(expected);
  });

  it("continues after a prefix of any length and any characters as if it had hashed both", () => {
    const seed = 20_261_130;
    const random = seededRandom(seed);
    const letters = ["a", "7", ":", "\u00e9", "\u03c0", "\u4e2d", "\u{1f600}", "\ufffd"];
    const word = (): string =>
      Array.from({ length: Math.floor(random() * 9) }, () => letters[Math.floor(random() * letters.length)]).join("");
    for (let i = 0; i < 2000; i++) {
      const [prefix, text] = [word(), word()];
      expect(murmur3(hashPrefix(prefix, i), text) >>> 0, `seed ${seed}: ${prefix}|${text}`).toBe(
        hash(prefix + text, i),
      );
      expect(murmur3(hashPrefix("", i), prefix + text)).toBe(murmur3(hashPrefix(prefix + text, i), ""));
    }
  });

  it("hashes a lone surrogate as the replacement character that UTF-8 has for it", () => {
    for (const lone of ["\ud800", "\udc00", "a\ud83d", "\ud83dx"]) {
      expect(hash(lone)).toBe(hash(Buffer.from(lone).toString()));
    }
  });
});
