import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entryKey, generationKey, keyBase } from "./keys.js";
import { beatKey, parseTrackedKey } from "./tracking-keys.js";

fc.configureGlobal({ seed: 20_261_120 });

const space = "scale:cache:";
const base = (tenantId: string): string => keyBase("scale:cache", tenantId);
const tenant = fc.string({ unit: "binary", maxLength: 12 });
// Of keys and tags it is known only that they are not empty: whatever they are, the same text comes back.
const text = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });

describe("parseTrackedKey", () => {
  it("finds tenant and entry, generation and tag again, whatever they are called", () => {
    fc.assert(
      fc.property(tenant, text, (tenantId, key) => {
        expect(parseTrackedKey(space, entryKey(base(tenantId), key))).toEqual({ is: "entry", tenantId, key });
        expect(parseTrackedKey(space, generationKey(base(tenantId)))).toEqual({ is: "generation", tenantId });
        expect(parseTrackedKey(space, `${base(tenantId)}t:${key}`)).toEqual({ is: "tag", tenantId, tag: key });
      }),
    );
  });

  it.each(["beat", "shared", "", "}:g", "%7d", "%u0061", "a:b", "\ud800", "{}"])(
    "tells tenant %j from all others",
    (tenantId) => {
      expect(parseTrackedKey(space, generationKey(base(tenantId)))).toEqual({ is: "generation", tenantId });
      expect(parseTrackedKey(space, entryKey(base(tenantId), "row:}:g"))).toEqual({
        is: "entry",
        tenantId,
        key: "row:}:g",
      });
    },
  );

  it("finds who beats, and when", () => {
    const parsed = parseTrackedKey(space, beatKey("scale:cache", "me-_1", 12.5));
    expect(parsed).toEqual({ is: "beat", sender: "me-_1", atMs: 12.5 });
  });

  it.each(["scale:cache:v2:{acme}:g", "scale:cach", "scale:cache:sharedness", "other:{acme}:g", "scale:cache:bus"])(
    "leaves %s to whom it belongs",
    (key) => expect(parseTrackedKey(space, key)).toEqual({ is: "foreign" }),
  );

  it.each([
    ...[
      "{acme}",
      "{acme}:",
      "{acme:g",
      "{}:g",
      "{acme}:x",
      "{acme}:gg",
      "{acme}:e:",
      "{acme}:t:",
      "{beat}:b:me",
      "{%}:g",
    ],
    ...["{a%7D}:g", "{a:b}:g", "{%61}:g", "shared:{shared}:x", "{beat}:b:me:x"],
  ])("does not know %s", (key) => expect(parseTrackedKey(space, space + key)).toEqual({ is: "unknown" }));
});
