import { describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { bool, createFlags, defineFlags, int, json, oneOf } from "./index.js";

describe("defineFlags", () => {
  it("types keys and values from one schema", async () => {
    const flags = createFlags({
      flags: defineFlags({
        checkout: bool({ default: false }),
        pageSize: int({ default: 50 }),
        theme: oneOf(["light", "dark"], { default: "light" }),
        limits: json(z.object({ rows: z.number() }), { default: { rows: 1 } }),
      }),
    });
    expectTypeOf(flags.get("checkout")).toEqualTypeOf<boolean>();
    expectTypeOf(flags.get("pageSize")).toEqualTypeOf<number>();
    expectTypeOf(flags.get("theme")).toEqualTypeOf<"light" | "dark">();
    expectTypeOf(flags.get("limits")).toEqualTypeOf<{ rows: number }>();
    expectTypeOf(flags.explain("theme").value).toEqualTypeOf<"light" | "dark">();
    // @ts-expect-error -- an unknown flag does not compile
    expect(() => flags.get("chekout")).toThrow(/defined flag/);
    // @ts-expect-error -- a value that the flag cannot have does not compile
    expect(() => flags.override({ theme: "blue" }, () => undefined)).toThrow(/light, dark/);
    await flags.close();
  });

  it.each([
    ["an empty key", { "": bool({ default: true }) }],
    ["__proto__", Object.fromEntries([["__proto__", bool({ default: true })]])],
    ["a blank in the key", { "a b": bool({ default: true }) }],
    ["no definition", { a: true }],
  ])("refuses %s", (_name, flags) => {
    expect(() => defineFlags(flags as Parameters<typeof defineFlags>[0])).toThrow(/defineFlags: /);
  });

  it("refuses a default that the flag cannot have", () => {
    expect(() => int({ default: 201, max: 200 })).toThrow(/default.*200, got 201/);
    expect(() => int({ default: 0.5 })).toThrow(/integer/);
    expect(() => int({ default: 5, min: 1, off: 0 })).toThrow(/off/);
    expect(() => bool({ default: "true" as never })).toThrow(/true or false/);
    expect(() => oneOf([], { default: "a" as never })).toThrow(/oneOf/);
    expect(() => json(z.string(), { default: 1 as never })).toThrow(/json: default/);
  });

  it.each([
    ["maxStaleness", { maxStaleness: "soon" }],
    ["source", { source: {} }],
    ["lastKnownGood", { lastKnownGood: "file.json" }],
    ["refresh.pollMs", { refresh: { pollMs: 0 } }],
    ["refresh.maxBytes", { refresh: { maxBytes: "1 MB" } }],
    ["planOf", { planOf: "free" }],
    ["sauce", { sauce: {} }],
  ])("createFlags names the wrong option %s", (name, options) => {
    const flags = defineFlags({});
    expect(() => createFlags({ flags, ...options } as Parameters<typeof createFlags>[0])).toThrow(name);
  });
});
