import { createManualClock } from "@scale/core/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTokens, type Position } from "./token.js";

fc.configureGlobal({ seed: 20_261_120 });
const clock = createManualClock();
const secret = "a secret of at least thirty-two characters";
const older = "an older secret of thirty-two characters!";
const tokensOf = (secrets: string[] = [secret]) => createTokens({ secrets, ttlMs: 30_000, clock });
const position: Position = { systemId: "7710243587112828157", timeline: 3, lsn: 0x174b4f0 };
const tenantId = "acme";

describe("tokens", () => {
  it.each([tenantId, undefined, ""])("return the position that they were issued for, to the tenant %j alone", (own) => {
    const token = tokensOf().issue(position, own);
    for (const tenant of [tenantId, undefined, "", "globex", "acme "]) {
      expect([tenant, tokensOf().read(token, tenant)]).toEqual([tenant, tenant === own ? position : "forged"]);
    }
  });

  it("return the largest positions, and the unknown one", () => {
    for (const extreme of [
      { systemId: "18446744073709551615", timeline: 2 ** 32 - 1, lsn: Number.MAX_SAFE_INTEGER },
      { systemId: "0", timeline: 0, lsn: 0 },
    ]) {
      expect(tokensOf().read(tokensOf().issue(extreme, tenantId), tenantId)).toEqual(extreme);
    }
  });

  it("tell nothing about the cluster, and are all of one length", () => {
    const tokens = [position, { systemId: "0", timeline: 0, lsn: 0 }].map((each) => tokensOf().issue(each, tenantId));
    for (const token of tokens) expect(token).toMatch(/^[\w-]{72}$/);
    const bytes = tokens.map((token) => Buffer.from(token, "base64url").toString("latin1"));
    expect(bytes.some((text) => text.includes("7710243587112828157") || text.includes(tenantId))).toBe(false);
  });

  it("expire after the lifetime", () => {
    const own = createManualClock();
    const tokens = createTokens({ secrets: [secret], ttlMs: 30_000, clock: own });
    const token = tokens.issue(position, tenantId);
    own.advance(29_999);
    expect(tokens.read(token, tenantId)).toEqual(position);
    own.advance(1_001);
    expect(tokens.read(token, tenantId)).toBe("expired");
  });

  it("open with every listed secret, and are sealed with the first", () => {
    const old = tokensOf([older]).issue(position, tenantId);
    const rotated = tokensOf([secret, older]);
    expect(rotated.read(old, tenantId)).toEqual(position);
    expect(tokensOf().read(old, tenantId)).toBe("forged");
    expect(tokensOf().read(rotated.issue(position, tenantId), tenantId)).toEqual(position);
  });

  it("are refused after a change of any character: each has one spelling", () => {
    const token = tokensOf().issue(position, tenantId);
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom(..."0123456789ABCDEFabz._-/+=".split("")),
        (at, character) => {
          const changed = token.slice(0, at) + character + token.slice(at + 1);
          return changed === token || typeof tokensOf().read(changed, tenantId) === "string";
        },
      ),
    );
  });

  it("are refused without an exception for any input", () => {
    const read = (text: string) => tokensOf().read(text, tenantId);
    fc.assert(fc.property(fc.string({ maxLength: 400 }), (text) => typeof read(text) === "string"));
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 54, maxLength: 54 }),
        (bytes) => read(Buffer.from(bytes).toString("base64url")) === "forged",
      ),
    );
    expect(read("A".repeat(100_000))).toBe("malformed");
  });
});
