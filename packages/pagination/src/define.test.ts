import { isScaleError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { SECRET } from "../test/entries.js";
import { asc, definePage, desc, type PageOptions } from "./index.js";

const by = [desc("created_at"), desc("id")] as const;

/** What a definition from JavaScript gets told. */
function told(options: object): string {
  try {
    definePage(options as PageOptions);
    return "taken";
  } catch (error) {
    if (isScaleError(error, "SCALE_CONFIG")) return error.message;
    throw error;
  }
}

describe("definePage", () => {
  it("takes an order, or several by name", () => {
    expect([...definePage({ by, secret: SECRET }).orders]).toEqual([["default", by]]);
    expect([...definePage({ by: { newest: by }, secret: SECRET }).orders]).toEqual([["newest", by]]);
  });

  it("keeps its orders when the list that it was given changes", () => {
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
    [{ by: [desc("id", { nulls: "last" })] }, "the last key must be unique, and so it cannot be null"],
    [{ by: [desc("id"), asc("id")] }, "a column stands in it twice"],
    [{ by: [desc("")] }, "expected the name of a column"],
    [{ by: [desc("a..b")] }, "expected the name of a column"],
    [{ by: [desc("a\0")] }, "expected the name of a column"],
    [{ by: [{ column: "id", direction: "desc; drop table orders" }] }, "direction"],
    [{ by: [desc("id", { type: "int); drop table orders; --" })] }, "expected a type of SQL"],
    [{ by: ["id"] }, "expected object"],
    [{ version: 1.5 }, "version"],
    [{ maxSize: 0 }, "maxSize"],
    [{ maxSize: 10_001 }, "maxSize"],
    [{ maxSize: "huge" }, "maxSize"],
    [{ defaultSize: 60, maxSize: "medium" }, "defaultSize: expected at most maxSize, 50, got 60"],
    [{ maxOffset: -1 }, "maxOffset"],
    [{ tenants: "none" }, "tenants"],
    [{ maxLimit: 10 }, 'Unrecognized key: "maxLimit"'],
  ])("refuses %j", (options, message) => {
    expect(told({ by, secret: SECRET, ...options })).toContain(message);
  });

  it.each(["timestamptz", "timestamp (6) with time zone", "numeric(12, 2)", 'sales."Status"', "varchar(10)", "int[]"])(
    "takes the type %s",
    (type) => {
      expect(told({ by: [desc("a", { type }), desc("id")], secret: SECRET })).toBe("taken");
    },
  );

  it("refuses a secret that is too short, and does not show it", () => {
    expect(told({ by, secret: "hunter2" })).toBe(
      "definePage: secret: expected a text of at least 32 characters, got 7",
    );
    expect(told({ by, secret: [SECRET, "hunter2"] })).not.toContain("hunter2");
    expect(told({ by, secret: [] })).toContain("expected at least one");
    expect(told({ by, secret: undefined })).toContain("got undefined");
  });

  it("has types for what the last key must be", () => {
    // @ts-expect-error -- it may be null
    expect(() => definePage({ by: [desc("id", { nulls: "last" })], secret: SECRET })).toThrow("the last key");
    // @ts-expect-error -- there is none
    expect(() => definePage({ by: [], secret: SECRET })).toThrow("at least one key");
    // @ts-expect-error -- of a named order too
    expect(() => definePage({ by: { a: [asc("id", { nulls: "first" })] }, secret: SECRET })).toThrow("the last key");
  });
});
