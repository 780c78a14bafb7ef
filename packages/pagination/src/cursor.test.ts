import { isScaleError } from "@scale/core";
import { seededRandom } from "@scale/testkit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SECRET, SEED } from "../test/entries.js";
import { asc, definePage, desc, type PageOptions } from "./index.js";

fc.configureGlobal({ seed: SEED });

const by = { newest: [desc("created_at"), desc("id")], oldest: [asc("created_at"), asc("id")] } as const;
const acme = { tenantId: "acme" };
const define = (options: Partial<PageOptions> = {}) => definePage({ by, secret: SECRET, ...options });
const page = define();
const position = ["2026-01-31 09:00:00.123456+00", "9007199254740993"];
const cursor = page.parse({}, acme).cursorOf(position);

/** Returns the message of `parse` for a cursor, or "accepted". Other errors are rethrown. */
function resultOf(text: unknown, options: Partial<PageOptions> = {}, context: object = acme): string {
  try {
    define(options).parse({ after: text, ...context }, { ...acme, ...context });
    return "accepted";
  } catch (error) {
    if (isScaleError(error, "SCALE_CURSOR") && "status" in error && error.status === 400) return error.message;
    throw error;
  }
}

describe("a cursor", () => {
  it("returns each key as a string, to the last digit", () => {
    expect(page.parse({ after: cursor }, acme).after).toEqual(position);
  });

  it("contains any string of the database", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.string({ unit: "grapheme", maxLength: 200 })), { minLength: 2, maxLength: 2 }),
        (keys) => {
          const { cursorOf } = page.parse({}, acme);
          expect(page.parse({ before: cursorOf(keys) }, acme).before).toEqual(keys);
        },
      ),
    );
  });

  it("is safe in a URL", () => {
    expect(cursor).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it("belongs to a tenant", () => {
    expect(resultOf(cursor, {}, { tenantId: "globex" })).toBe(
      "after: this cursor belongs to another tenant; start from the first page",
    );
  });

  it("belongs to an order, whatever its name", () => {
    expect(resultOf(cursor, {}, { order: "oldest" })).toContain('belongs to another order than "oldest"');
    expect(resultOf(cursor, { by: { latest: by.newest } })).toBe("accepted");
    expect(resultOf(cursor, { by: [desc("created_at"), asc("id")] })).toContain("another order");
    expect(resultOf(cursor, { by: [desc("created_at", { nulls: "last" }), desc("id")] })).toContain("another order");
    expect(resultOf(cursor, { by: [desc("updated_at"), desc("id")] })).toContain("another order");
    expect(resultOf(cursor, { by: [desc("created_at"), desc("id"), desc("seq")] })).toContain("another order");
  });

  it("belongs to a list, when the definition names it", () => {
    const contacts = define({ list: "contacts" });
    const own = contacts.parse({}, acme).cursorOf(position);
    expect(contacts.parse({ after: own }, acme).after).toEqual(position);
    expect(resultOf(own, { list: "deals" })).toBe(
      'after: this cursor belongs to another list than "deals" or another order than "newest"; start from the first page',
    );
    expect(resultOf(own)).toContain("another order");
    expect(resultOf(cursor, { list: "contacts" })).toContain("another list");
  });

  it("belongs to a version", () => {
    expect(resultOf(cursor, { version: 2 })).toContain("is of version 1, and the list is at version 2");
  });

  it("is accepted while its key is, and signed with the first key", () => {
    const next = "another secret of the tests, also long enough";
    expect(resultOf(cursor, { secret: [next, SECRET] })).toBe("accepted");
    expect(resultOf(cursor, { secret: next })).toContain("the key of this cursor is not accepted");
    const rotated = define({ secret: [next, SECRET] })
      .parse({}, acme)
      .cursorOf(position);
    expect(resultOf(rotated, { secret: next })).toBe("accepted");
    expect(resultOf(rotated)).toContain("is not accepted");
  });

  it("reveals neither the secret nor the tenant", () => {
    const read = cursor.split(".").map((part) => Buffer.from(part, "base64url").toString("latin1"));
    expect(read[1]).toContain("9007199254740993");
    expect([cursor, ...read].join(" ")).not.toMatch(/acme|secret/);
  });

  it("throws when it would not fit in a URL", () => {
    const { cursorOf } = page.parse({}, acme);
    expect(() => cursorOf(["x".repeat(9000), "1"])).toThrow(expect.objectContaining({ code: "SCALE_CONFIG" }));
  });
});

describe(`a forged cursor (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  const below = (count: number): number => Math.floor(random() * count);

  it("is refused with any character changed", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %\u0000\u00e4";
    for (let at = 0; at < cursor.length; at++) {
      for (let round = 0; round < 8; round++) {
        const others = alphabet.replace(cursor[at] ?? "", "");
        const changed = `${cursor.slice(0, at)}${others[below(others.length)] ?? ""}${cursor.slice(at + 1)}`;
        expect(resultOf(changed)).not.toBe("accepted");
      }
    }
  });

  it("is refused when truncated, doubled or extended", () => {
    for (let at = 0; at < cursor.length; at++) {
      expect(resultOf(cursor.slice(0, at))).not.toBe("accepted");
      expect(resultOf(cursor.slice(at + 1))).not.toBe("accepted");
      expect(resultOf(`${cursor.slice(0, at)}A${cursor.slice(at)}`)).not.toBe("accepted");
    }
    expect(resultOf(`${cursor}${cursor}`)).not.toBe("accepted");
    expect(resultOf(`${cursor}=`)).not.toBe("accepted");
  });

  it("is refused when the signature is of another payload", () => {
    const other = page.parse({}, acme).cursorOf(["2020-01-01 00:00:00+00", "1"]);
    const [key, payload] = cursor.split(".");
    expect(resultOf(`${key}.${payload}.${other.split(".")[2]}`)).toContain("this cursor was changed");
    const forged = Buffer.from('[1,"","",["1","2"]]').toString("base64url");
    expect(resultOf(`${key}.${forged}.${cursor.split(".")[2]}`)).toContain("this cursor was changed");
  });

  it("is refused by its length before a signature is computed", () => {
    const [key, , signature] = cursor.split(".");
    expect(resultOf(`${key}.${"A".repeat(8000)}.${signature}`)).toContain("this cursor was changed");
    expect(resultOf(`${key}.${"A".repeat(8192)}.${signature}`)).toContain("expected a cursor of this list");
  });

  it("is refused for any other string", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 300 }),
      fc.string({ maxLength: 300 }),
      fc.base64String({ maxLength: 300 }),
      fc.tuple(fc.string(), fc.string(), fc.string()).map((parts) => parts.join(".")),
      fc.json().map((json) => Buffer.from(json).toString("base64url")),
    );
    fc.assert(
      fc.property(text, (value) => {
        expect(resultOf(value)).toContain("after: ");
      }),
      { numRuns: 2000 },
    );
    for (const value of ["", ".", "..", "\u0000", "\ud800", "\u{1f600}".repeat(50), "x".repeat(1e6), `${cursor}.x`]) {
      expect(resultOf(value)).toContain("after: ");
    }
  });

  it.each([["a", "b"], [["a"]], 5, true, { $ne: null }, () => "x"].map((value) => [value]))(
    "is refused when it is not a string: %j",
    (value) => {
      expect(() => page.parse({ after: value }, acme)).toThrow(
        expect.objectContaining({ code: "SCALE_INPUT", status: 400 }),
      );
    },
  );
});
