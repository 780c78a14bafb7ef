import { isScaleError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { encodeJson } from "./encode.js";

const encode = (value: unknown, maxBytes = 1_000_000) => encodeJson(value, { job: "j", maxBytes });

class Money {
  readonly cents = 1;
}

function cycle(): unknown {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
}

describe("encodeJson", () => {
  it.each([
    null,
    true,
    "",
    "é \u0000 \ud800 \u{1f642} \u2028",
    0,
    -0,
    1e21,
    5e-324,
    2 ** 53,
    [],
    [[], [null, [1]]],
    {},
    { "": { "a b": [1, { c: "d" }] } },
    JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}'),
    Object.assign(Object.create(null), { a: 1 }),
  ])("reads as the same value: %j", (value: unknown) => {
    const text = encode(value);
    expect(JSON.parse(text)).toEqual(value);
    expect(Object.is(JSON.parse(text), value) || typeof value === "object").toBe(true);
  });

  it("keeps the key __proto__ an own key", () => {
    expect(Object.keys(JSON.parse(encode(JSON.parse('{"__proto__":1}'))))).toEqual(["__proto__"]);
  });

  it.each([
    ["undefined", undefined, "data"],
    ["undefined in an object", { a: { b: undefined } }, "data.a.b"],
    ["a hole", [1, , 3], "data"], // oxlint-disable-line no-sparse-arrays
    ["NaN", { a: [1, Number.NaN] }, "data.a.1"],
    ["Infinity", [Infinity], "data.0"],
    ["a bigint", { a: 1n }, "data.a"],
    ["a symbol", [Symbol("x")], "data.0"],
    ["a function", { a: () => 1 }, "data.a"],
    ["a date", { at: new Date() }, "data.at: expected a JSON value, got an instance of Date"],
    ["a map", { a: new Map([[1, 2]]) }, "data.a: expected a JSON value, got an instance of Map"],
    ["a set", [new Set()], "data.0"],
    ["a class", { price: new Money() }, "data.price: expected a JSON value, got an instance of Money"],
    ["a buffer", Buffer.from("x"), "data: expected a JSON value, got an instance of Buffer"],
    ["a boxed number", [Object(1)], "data.0"],
    ["a match with fields", /a/.exec("a"), "data"],
    ["a symbol key", { [Symbol("x")]: 1 }, "data"],
    ["a cycle", cycle(), "expected fewer than 200 levels"],
  ])("refuses %s with its path", (_what, value, message) => {
    expect(() => encode(value)).toThrow(message);
    expect(() => encode(value)).toThrow(expect.objectContaining({ code: "SCALE_INPUT" }));
  });

  it("counts bytes, not characters", () => {
    expect(encode("é".repeat(10), 22)).toHaveLength(12);
    expect(() => encode("é".repeat(10), 21)).toThrow(
      expect.objectContaining({ code: "SCALE_PAYLOAD_TOO_LARGE", bytes: 22 }),
    );
  });

  it("stops to read a large value at the limit", () => {
    let reads = 0;
    const items = new Proxy(
      Array.from({ length: 100_000 }, () => "x".repeat(100)),
      {
        get: (target, key, receiver) => {
          if (typeof key === "string" && /^\d+$/.test(key)) reads += 1;
          return Reflect.get(target, key, receiver) as unknown;
        },
      },
    );
    const error = catchError(() => encode(items, 1024));
    expect(isScaleError(error, "SCALE_PAYLOAD_TOO_LARGE")).toBe(true);
    expect(reads).toBeLessThan(20);
  });
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
