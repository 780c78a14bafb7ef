import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError } from "./errors.js";
import { describeValue } from "./describe-value.js";
import { parseOptions } from "./options.js";

const schema = z.strictObject({
  limit: z.number().positive(),
  nested: z.strictObject({ name: z.string() }).optional(),
});

describe("parseOptions", () => {
  it("names the function, every wrong option and its value", () => {
    const parse = (): unknown => parseOptions(schema, { limit: -1, nested: { name: 5 }, windwMs: 1 }, "createThing");
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(/^createThing: limit: .*got -1; nested\.name: .*got 5; options: .*"windwMs"/);
  });

  it("reports missing options", () => {
    expect(() => parseOptions(schema, undefined, "createThing")).toThrow(/^createThing: options: .*got undefined/);
  });
});

describe("describeValue", () => {
  it("shows no password of a URL", () => {
    expect(describeValue("redis://:hunter2@localhost:6379")).toBe('"redis://***@localhost:6379"');
    expect(describeValue({ url: "postgres://app:secret@db/x" })).not.toContain("secret");
  });

  it("formats every value on one short line", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const shown = [cycle, "a\nb", () => 1, 5n, Symbol("s"), Number.NaN, null, undefined, "x".repeat(500)].map(
      describeValue,
    );
    expect(shown.slice(0, 8)).toEqual([
      "[object Object]",
      '"a\\nb"',
      "a function",
      "5n",
      "Symbol(s)",
      "NaN",
      "null",
      "undefined",
    ]);
    expect(shown[8]).toHaveLength(81);
  });
});
