import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeFailure, maskText } from "./mask.js";

describe("maskText", () => {
  it.each([
    ["connect to redis://:s3cret@cache:6379/0 failed", "connect to redis://***@cache:6379/0 failed"],
    ["postgres://app:p@ss/w:rd@db/crm is down", "postgres://***@db/crm is down"],
    ["postgres://app:my pass word@db/crm", "postgres://***@db/crm"],
    ["a redis://:one@a and redis://:two@b", "a redis://***@b"],
    ["host=db user=app password=s3cret dbname=crm", "host=db user=app password=*** dbname=crm"],
    ['{"password":"s3 cret","port":1}', '{"password":***,"port":1}'],
    ["PGPASSWORD='a b' psql", "PGPASSWORD=*** psql"],
    ["https://api/x?access_token=abc&y=1", "https://api/x?access_token=***&y=1"],
    ["Authorization: Bearer abc.def", "Authorization: ***"],
    ["sent bearer abc.def to it", "sent bearer *** to it"],
    ["AccountKey=abc==;Endpoint=x", "AccountKey=***;Endpoint=x"],
    ['password authentication failed for user "app"', 'password authentication failed for user "app"'],
    ["one\nline\u0000 \u2028only", "one line only"],
  ])("turns %j into %j", (text, masked) => {
    expect(maskText(text)).toBe(masked);
  });

  it("never shows the password of a connection string, whatever characters it has", () => {
    const secret = fc.string({ minLength: 6, maxLength: 40, unit: "grapheme" }).map((text) => `SECRET${text}`);
    fc.assert(
      fc.property(secret, (password) => {
        expect(maskText(`error at amqp://user:${password}@host/x`)).not.toContain("SECRET");
      }),
      { seed: 14, numRuns: 500 },
    );
  });

  it("is short, well formed, and on one line", () => {
    const text = maskText(`${"x".repeat(299)}\u{1f600}${"y".repeat(1e6)}`);
    expect(text.length).toBeLessThanOrEqual(301);
    expect(text).not.toMatch(/\p{Surrogate}/u);
  });
});

describe("describeFailure", () => {
  const refused = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:1"), { code: "ECONNREFUSED" });
  it.each<[unknown, string]>([
    [new Error("down"), "down"],
    [refused, "connect ECONNREFUSED 127.0.0.1:1"],
    [Object.assign(new Error("terminated"), { code: "57P01" }), "57P01: terminated"],
    [new AggregateError([refused, refused]), "connect ECONNREFUSED 127.0.0.1:1"],
    [Object.assign(new AggregateError([]), { code: "ECONNREFUSED" }), "ECONNREFUSED"],
    ["a string", "threw a string"],
    [undefined, "threw undefined"],
    [null, "threw null"],
    [Symbol("s"), "threw Symbol(s)"],
    [{}, "threw an object without a message"],
    [new Error(""), "Error"],
    [Object.create(null), "threw an object without a message"],
  ])("describes %o", (error, text) => {
    expect(describeFailure(error)).toBe(text);
  });

  it("survives errors that throw when they are read", () => {
    const hostile = {
      get message(): string {
        throw new Error("no");
      },
    };
    expect(describeFailure(hostile)).toBe("failed with a value that cannot be described");
    expect(inspect(describeFailure(new Proxy({}, { has: () => true })))).toContain("threw an object");
  });
});
