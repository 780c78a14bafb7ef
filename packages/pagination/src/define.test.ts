import { isScaleError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { SECRET } from "../test/entries.js";
import { asc, definePage, desc, type PageOptions } from "./index.js";

const by = [desc("created_at"), desc("id")] as const;

/** Returns the message of a definition, or "valid". The options are untyped, as from JavaScript. */
function messageOf(options: object): string {
  try {
    definePage(options as PageOptions);
    return "valid";
  } catch (error) {
    if (isScaleError(error, "SCALE_CONFIG")) return error.message;
    throw error;
  }
}

describe("definePage", () => {
  it("accepts an order, or several by name", () => {
    expect([...definePage({ by, secret: SECRET }).orders]).toEqual([["default", by]]);
    expect([...definePage({ by: { newest: by }, secret: SECRET }).orders]).toEqual([["newest", by]]);
  });

  it("copies its orders", () => {
    const keys: [ReturnType<typeof desc>] = [desc("id")];
    const { orders } = definePage({ by: keys, secret: SECRET });
    keys[0] = desc("name");
    expect(orders.get("default")).toEqual([desc("id")]);
  });

  it.each([
    [{ by: [] }, "expected at least one key"],
    [{ by: {} }, "expected an order"],
    [{ by: "id" }, "expected an order"],
    [{ by: undefined }, "expected an order"],
    [{ by: { newest: [] } }, "definePage: by: newest: "],
    [{ by: [desc("id", { nulls: "last" })] }, "expected a last key that is unique and never null"],
    [{ by: [desc("id"), asc("id")] }, "expected each column once"],
    [{ by: [desc("")] }, "expected a column name"],
    [{ by: [desc("a..b")] }, "expected a column name"],
    [{ by: [desc("a\0")] }, "expected a column name"],
    [{ by: [{ column: "id", direction: "desc; drop table orders" }] }, "direction"],
    [{ by: [desc("id", { type: "int); drop table orders; --" })] }, "expected an SQL type"],
    [{ by: ["id"] }, "expected object"],
    [{ version: 1.5 }, "version"],
    [{ maxSize: 0 }, "maxSize"],
    [{ maxSize: 10_001 }, "maxSize"],
    [{ maxSize: "huge" }, "maxSize"],
    [{ defaultSize: 60, maxSize: "medium" }, "defaultSize: expected at most maxSize, 50, got 60"],
    [{ maxOffset: -1 }, "maxOffset"],
    [{ tenants: "none" }, "tenants"],
    [{ maxLimit: 10 }, 'Unrecognized key: "maxLimit"'],
  ])("throws for %j", (options, message) => {
    expect(messageOf({ by, secret: SECRET, ...options })).toContain(message);
  });

  it.each(["timestamptz", "timestamp (6) with time zone", "numeric(12, 2)", 'sales."Status"', "varchar(10)", "int[]"])(
    "accepts the type %s",
    (type) => {
      expect(messageOf({ by: [desc("a", { type }), desc("id")], secret: SECRET })).toBe("valid");
    },
  );

  it("throws for a short secret, and does not show it", () => {
    expect(messageOf({ by, secret: "hunter2" })).toBe(
      "definePage: secret: expected a string of at least 32 characters, got 7",
    );
    expect(messageOf({ by, secret: [SECRET, "hunter2"] })).not.toContain("hunter2");
    expect(messageOf({ by, secret: [] })).toContain("expected at least one");
    expect(messageOf({ by, secret: undefined })).toContain("got undefined");
  });

  it("types the last key", () => {
    // @ts-expect-error -- it may be null
    expect(() => definePage({ by: [desc("id", { nulls: "last" })], secret: SECRET })).toThrow("expected a last key");
    // @ts-expect-error -- there is none
    expect(() => definePage({ by: [], secret: SECRET })).toThrow("at least one key");
    // @ts-expect-error -- of a named order too
    expect(() => definePage({ by: { a: [asc("id", { nulls: "first" })] }, secret: SECRET })).toThrow(
      "expected a last key",
    );
  });
});
