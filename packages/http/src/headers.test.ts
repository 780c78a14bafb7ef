import { describe, expect, it } from "vitest";
import { type HeaderTarget, mergeHeaders, writeHeaders } from "./headers.js";

function response(headers: Record<string, string> = {}): HeaderTarget & { lines: [string, string][] } {
  const lines = Object.entries(headers);
  return {
    lines,
    get: (name) => lines.find(([there]) => there.toLowerCase() === name.toLowerCase())?.[1],
    set(name, value) {
      const at = lines.findIndex(([there]) => there.toLowerCase() === name.toLowerCase());
      lines.splice(at === -1 ? lines.length : at, 1, [name, value]);
    },
    add: (name, value) => void lines.push([name, value]),
  };
}

describe("mergeHeaders", () => {
  it("keeps the later value, in any case of the names", () => {
    expect(mergeHeaders({ "X-Plan": "free", a: "1" }, { "x-plan": "pro" })).toEqual({ "x-plan": "pro", a: "1" });
  });

  it("joins list headers", () => {
    expect(mergeHeaders({ RateLimit: '"api";r=9', vary: "Origin" }, { ratelimit: '"ai";r=1', Vary: "Accept" })).toEqual(
      {
        ratelimit: '"api";r=9, "ai";r=1',
        Vary: "Origin, Accept",
      },
    );
  });

  it("names a policy once, with its later item", () => {
    const join = (earlier: string, later: string) => mergeHeaders({ RateLimit: earlier }, { RateLimit: later });
    expect(join('"ip";r=9;t=60, "tenant";r=5', '"ip";r=1;t=2')).toEqual({ RateLimit: '"tenant";r=5, "ip";r=1;t=2' });
    expect(join('"a, b\\";c";r=1, "a";r=2', '"a, b\\";c";r=3')).toEqual({ RateLimit: '"a";r=2, "a, b\\";c";r=3' });
    expect(join('"ip";r=1', '"ip";r=0')).toEqual({ RateLimit: '"ip";r=0' });
    // draft-7: a dictionary, of which two guards send one each.
    expect(join("limit=300, remaining=9, reset=1", "limit=50, remaining=2, reset=3")).toEqual({
      RateLimit: "limit=50, remaining=2, reset=3",
    });
  });

  it("accepts names of Object.prototype", () => {
    expect(Object.entries(mergeHeaders({}, JSON.parse('{"__proto__":"x"}')))).toEqual([["__proto__", "x"]]);
  });
});

describe("writeHeaders", () => {
  it("replaces a value, joins a list and adds a cookie", () => {
    const target = response({ "X-Plan": "free", Vary: "Origin", "Set-Cookie": "session=1" });
    writeHeaders({ "x-plan": "pro", vary: "Accept", "set-cookie": "token=2" }, target);
    expect(target.lines).toEqual([
      ["x-plan", "pro"],
      ["vary", "Origin, Accept"],
      ["Set-Cookie", "session=1"],
      ["set-cookie", "token=2"],
    ]);
  });

  it.each(["a\r\nSet-Cookie: x=1", "a\n", "\0", "a\u007f", "naïve → no"])(
    "throws for the value %j and writes nothing",
    (value) => {
      const target = response();
      expect(() => writeHeaders({ "x-first": "1", "x-bad": value }, target)).toThrow(
        new TypeError(`header x-bad: expected a string without control characters, got ${JSON.stringify(value)}`),
      );
      expect(target.lines).toEqual([]);
    },
  );

  it.each(["", "a b", "a:b", "a\r\nb", "ä"])("throws for the name %j", (name) => {
    expect(() => writeHeaders({ [name]: "1" }, response())).toThrow("header name: expected a token");
  });
});

it("ignores an empty list", () => {
  expect(mergeHeaders({ vary: "a" }, { vary: "" })).toEqual({ vary: "a" });
  expect(mergeHeaders({ vary: "" }, { vary: "a" })).toEqual({ vary: "a" });
});
