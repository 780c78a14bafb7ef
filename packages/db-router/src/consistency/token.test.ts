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
  it("bring a position back", () => {
    const token = tokensOf().issue(position);
    expect(token).toMatch(/^v1\.7710243587112828157\.3\.0\/174B4F0\.\d+\.[\w-]{43}$/);
    expect(tokensOf().read(token)).toEqual({ position });
  });

  it("end by themselves", () => {
    const own = createManualClock();
    const tokens = createTokens({ secrets: [secret], ttlMs: 30_000, clock: own });
    const token = tokens.issue(position);
    own.advance(29_999);
    expect(tokens.read(token)).toEqual({ position });
    own.advance(1_001);
    expect(tokens.read(token)).toEqual({ refused: "expired" });
  });

  it("are good under an old secret while it is listed, and are signed with the first", () => {
    const old = tokensOf(["an older secret of thirty-two characters!"]).issue(position);
    const rotated = tokensOf([secret, "an older secret of thirty-two characters!"]);
    expect(rotated.read(old)).toEqual({ position });
    expect(tokensOf().read(old)).toEqual({ refused: "forged" });
    expect(tokensOf().read(rotated.issue(position))).toEqual({ position });
  });

  it("are refused when any character is another", () => {
    const token = tokensOf().issue(position);
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom(..."0123456789ABCDEFabz._-/".split("")),
        (at, character) => {
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          const reading = tokensOf().read(changed);
          // The last of the 43 characters carries two bits that say nothing.
          return changed === token || at === token.length - 1 || "refused" in reading;
        },
      ),
    );
  });

  it("are refused, never thrown at, whatever was sent", () => {
    fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => "refused" in tokensOf().read(text)));
    expect(tokensOf().read("v1".padEnd(100_000, "."))).toEqual({ refused: "malformed" });
  });
});
