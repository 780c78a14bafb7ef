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

  const SECRET = "hunter2hunter2";
  class Client {
    readonly options = { host: "db", password: SECRET };
    readonly token = SECRET;
  }
  it.each<[string, unknown]>([
    ["a URL", `redis://:${SECRET}@cache:6379`],
    ["a URL whose password has special characters", `postgres://app:p@/${SECRET}@db/shop`],
    ["credentials without a scheme", `app:${SECRET}@db:5432`],
    ["a connection string", `host=db user=app password=${SECRET} dbname=shop`],
    ["a query", `https://api/x?access_token=${SECRET}&y=1`],
    ["a header", `Bearer ${SECRET}`],
    ["a client", new Client()],
    ["a client in a list", [new Client()]],
    ["a client in an option", { redis: new Client() }],
    ["the options of a client", { host: "db", user: "app", password: SECRET }],
    ["nested options", { primary: { connection: { pass: SECRET } } }],
    ["a secret in a list", { secrets: [SECRET, SECRET] }],
    ["an API key", { apiKey: SECRET }],
    ["a header in an object", { headers: { Authorization: `Basic ${SECRET}` } }],
    ["a map", new Map([["password", SECRET]])],
    ["a URL object", new URL(`redis://:${SECRET}@cache`)],
    ["an error", new Error(`password=${SECRET}`)],
    ["a key", `sk_live_4eC39HqLyjWDarjtT1zdp7dc${SECRET}`],
    ["a JSON web token", `eyJhbGciOiJIUzI1NiJ9.${SECRET}.c2ln`],
    ["a private key", `-----BEGIN PRIVATE KEY-----\n${SECRET}`],
  ])("shows no secret of %s", (_, value) => {
    expect(describeValue(value)).not.toContain("hunter2");
    expect(describeValue({ given: value })).not.toContain("hunter2");
  });

  it("shows no byte of a buffer", () => {
    expect([describeValue(Buffer.from("ab")), describeValue({ x: Buffer.from("ab") })]).toEqual([
      "an instance of Buffer",
      '{"x":"[Buffer]"}',
    ]);
  });

  it("shows the value of an option that is no secret, and hides that of one that is", () => {
    const options = z.strictObject({
      secret: z.string().min(32),
      name: z.string().min(99),
      auth: z.strictObject({ key: z.number() }),
    });
    const wrong = { secret: "hunter2", name: "api", auth: { key: "hunter2" } };
    expect(() => parseOptions(options, wrong, "create")).toThrow(
      /^create: secret: .*got a string of 7 characters; name: .*got "api"; auth\.key: .*got a string of 7 characters$/,
    );
    expect(() => parseOptions(options, "hunter2", "create")).toThrow(
      /^create: options: .*got a string of 7 characters$/,
    );
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
