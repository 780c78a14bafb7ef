import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokens, type Position } from "./token.js";

fc.configureGlobal({ seed: 20_261_120 });
const clock = createManualClock();
const secret = "a secret of at least thirty-two characters";
const tokensOf = (secrets: string[] = [secret]) => createTokens({ secrets, ttlMs: 30_000, clock });
const position: Position = { systemId: "7710243587112828157", timeline: 3, lsn: 0x174b4f0 };

describe("tokens", () => {
  it("return the position that they were issued for", () => {
    const token = tokensOf().issue(position);
    expect(token).toMatch(/^v1\.7710243587112828157\.3\.0\/174B4F0\.\d+\.[\w-]{43}$/);
    expect(tokensOf().read(token)).toEqual(position);
  });

  it("expire after the lifetime", () => {
    const own = createManualClock();
    const tokens = createTokens({ secrets: [secret], ttlMs: 30_000, clock: own });
    const token = tokens.issue(position);
    own.advance(29_999);
    expect(tokens.read(token)).toEqual(position);
    own.advance(1_001);
    expect(tokens.read(token)).toBe("expired");
  });

  it("verify with every listed secret, and are signed with the first", () => {
    const old = tokensOf(["an older secret of thirty-two characters!"]).issue(position);
    const rotated = tokensOf([secret, "an older secret of thirty-two characters!"]);
    expect(rotated.read(old)).toEqual(position);
    expect(tokensOf().read(old)).toBe("forged");
    expect(tokensOf().read(rotated.issue(position))).toEqual(position);
  });

  it("are refused after a change of any character", () => {
    const token = tokensOf().issue(position);
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom(..."0123456789ABCDEFabz._-/".split("")),
        (at, character) => {
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          const reading = tokensOf().read(changed);
          // Two bits of the last of the 43 characters are unused.
          return changed === token || at === token.length - 1 || typeof reading === "string";
        },
      ),
    );
  });

  it("are refused without an exception for any input", () => {
    fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => typeof tokensOf().read(text) === "string"));
    expect(tokensOf().read("v1".padEnd(100_000, "."))).toBe("malformed");
  });
});
