import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { serializerOf } from "./codec.js";

fc.configureGlobal({ seed: 20_261_130 });

describe("the default codec", () => {
  const { serialize, deserialize } = serializerOf("row", undefined, undefined);

  it("brings back what it is given", () => {
    const leaf = fc.oneof(
      ...[fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined), fc.bigInt()],
      fc.date(),
    );
    const value = fc.letrec((tie) => ({
      node: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom("a", "b", "~", "toString"), tie("node"), { noNullPrototype: true }),
        fc.array(fc.tuple(tie("node"), tie("node")), { maxLength: 3 }).map((entries) => new Map(entries)),
        fc.array(tie("node"), { maxLength: 3 }).map((members) => new Set(members)),
      ),
    })).node;
    fc.assert(
      fc.property(value, (each) => {
        expect(deserialize(serialize(each))).toStrictEqual(each);
      }),
      { numRuns: 2000 },
    );
  });

  it("writes JSON for what JSON keeps", () => {
    expect(serialize({ id: 7, name: "ana", list: [1, null, true] })).toBe('{"id":7,"name":"ana","list":[1,null,true]}');
    expect(serialize("~[1]")).toBe('"~[1]"');
  });

  it.each([
    [{ a: [new URL("http://a")] }, ".a[0] is a URL"],
    [{ f: () => 1 }, ".f is a function"],
    [new Map([["a", Symbol("s")]]), "[1] is a symbol"],
    [{ at: new Date(0), b: Buffer.from("a") }, ".b is a Buffer"],
    [{ toJSON: () => 1 }, "it has toJSON"],
  ])("refuses what it cannot bring back: %o", (value, where) => {
    expect(() => serialize(value)).toThrow(`in the value ${where}, which does not come back`);
  });
});

describe("the default codec, of values without an end", () => {
  const cyclic: Record<string, unknown> = { at: new Date(0) };
  cyclic["self"] = cyclic;
  const late: Record<string, unknown> = {};
  late["self"] = late;

  it.each([
    ["before the cycle", cyclic],
    ["in it", late],
    ["of a map", new Map([["a", cyclic]])],
  ])("names the cause, with another part that JSON lacks %s", (_, value) => {
    for (const schema of [undefined, z.any()]) {
      const { serialize } = serializerOf("row", schema, undefined);
      expect(() => serialize(value)).toThrow("cache row: the value refers to itself, or is nested too deeply");
    }
  });
});

describe("the default codec with a schema", () => {
  const roundTrip = (schema: z.ZodType, value: unknown): unknown => {
    const { serialize, deserialize } = serializerOf("row", schema, undefined);
    return deserialize(serialize(value));
  };
  const at = new Date(1_700_000_000_000);

  it("brings back a date, also under a schema that takes anything", () => {
    expect(roundTrip(z.any(), { at })).toEqual({ at });
    expect(roundTrip(z.object({ at: z.date() }), { at })).toEqual({ at });
    expect(roundTrip(z.object({ at: z.coerce.date() }), { at })).toEqual({ at });
  });

  it("keeps JSON where the schema makes the value again from it", () => {
    const { serialize } = serializerOf(
      "row",
      z.object({ at: z.string().transform((text) => new Date(text)) }),
      undefined,
    );
    expect(serialize({ at })).toBe(JSON.stringify({ at }));
  });

  it("refuses an object of a class that the schema does not make again", () => {
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
    }
    const made = z.object({ cents: z.number() }).transform(({ cents }) => new Money(cents));
    expect(roundTrip(made, new Money(5))).toEqual(new Money(5));
    expect(() => roundTrip(z.any(), { price: new Money(5) })).toThrow(".price is a Money");
  });
});
