import { describe, expect, it } from "vitest";
import { sourceWith, writeText } from "../../test/flags-with.js";
import { bool, createFlags, defineFlags, documentRefuse, type FlagRule, int } from "../index.js";
import { parseDocument } from "./parse.js";

const definitions = defineFlags({ checkout: bool({ default: false }), pageSize: int({ default: 50, max: 200 }) });

const MAX = 1024 * 1024;
const rule = (own: object): string => JSON.stringify({ flags: { checkout: { rules: [own] } } });
const settings = (own: object): string => JSON.stringify({ flags: { checkout: own } });

/** Documents that must be refused as a whole, and what the refusal says. */
const BROKEN: readonly (readonly [string, string, RegExp])[] = [
  ["an empty text", "", /in JSON/],
  ["half a document", '{"flags":{"checkout":{"rules":[', /in JSON/],
  ["an array", "[]", /document: /],
  ["null", "null", /document: /],
  ["another member", '{"flags":{},"flag":{}}', /flag/],
  ["an unknown setting", settings({ kiled: true }), /kiled/],
  ["a kill switch that is a string", settings({ killed: "false" }), /killed/],
  ["an unknown operator", rule({ where: [{ attribute: "a", op: "matches", values: ["x"] }] }), /op/],
  [
    "an operator with the operand of another",
    rule({ where: [{ attribute: "a", op: "at-least", values: [1] }] }),
    /value/,
  ],
  ["a percentage above 100", rule({ percent: 100.001 }), /percent/],
  ["a negative percentage", rule({ percent: -1 }), /percent/],
  ["a percentage between two steps", rule({ percent: 0.0005 }), /steps of 0.001/],
  ["a percentage as a string", rule({ percent: "10" }), /percent/],
  ["a percentage that is no number", '{"flags":{"checkout":{"rules":[{"percent":1e999}]}}}', /percent/],
  ["a ramp that falls", rule({ percent: [point(1, 50), point(2, 10)] }), /never falls/],
  ["a ramp out of order", rule({ percent: [point(2, 10), point(1, 50)] }), /never falls/],
  ["a date without a zone", rule({ from: "2026-12-01T00:00:00" }), /zone/],
  ["a value of another type", rule({ value: "yes" }), /true or false/],
  ["the value null", rule({ value: null }), /true or false/],
  ["a weight of zero", rule({ variants: [{ name: "a", weight: 0, value: true }] }), /weight/],
  ["two variants of one name", rule({ variants: [variant("a"), variant("a")] }), /different names/],
  ["an integer out of range", '{"flags":{"pageSize":{"rules":[{"value":201}]}}}', /pageSize.*200, got 201/],
  ["a rule without its value", '{"flags":{"pageSize":{"rules":[{}]}}}', /expected a value/],
  ["a member __proto__", '{"flags":{},"__proto__":{"killed":true}}', /__proto__/],
  ["a flag __proto__", '{"flags":{"__proto__":{"killed":true}}}', /__proto__/],
  ["a __proto__ within a value", '{"flags":{"other":{"rules":[{"value":{"__proto__":{}}}]}}}', /__proto__/],
  ["a circle of prerequisites", circle(), /requires itself/],
  ["a flag that requires itself", settings({ requires: [{ flag: "checkout" }] }), /requires itself/],
  ["a prerequisite with an impossible value", settings({ requires: [{ flag: "pageSize" }] }), /an integer/],
  ["a deep nesting", `{"flags":{"o":{"rules":[{"value":${"[".repeat(50_000)}${"]".repeat(50_000)}}]}}}`, /nested/],
  ["10 MB", `{"flags":{},"x":"${"a".repeat(10 * 1024 * 1024)}"}`, /at most 1048576 bytes, got 10/],
];

function point(hour: number, percent: number): { at: string; percent: number } {
  return { at: `2026-12-01T0${hour}:00:00Z`, percent };
}
function variant(name: string): object {
  return { name, weight: 1, value: true };
}
function circle(): string {
  const flags = {
    checkout: { requires: [{ flag: "pageSize", is: 1 }] },
    pageSize: { requires: [{ flag: "checkout" }] },
  };
  return JSON.stringify({ flags });
}

describe("a document", () => {
  it.each(BROKEN)("is refused whole for %s, and the last good one stays", async (_name, text, problem) => {
    const source = await sourceWith({ checkout: { rules: [{}] } });
    const flags = createFlags({ flags: definitions, source });
    await flags.ready();
    const refused: unknown[] = [];
    const end = documentRefuse.subscribe(({ error }) => void refused.push(error));
    const revision = await writeText(source, text);
    const status = await flags.refresh();
    end();
    expect(refused).toEqual([
      expect.objectContaining({ code: "SCALE_INPUT", message: expect.stringMatching(problem) }),
    ]);
    expect(flags.get("checkout")).toBe(true);
    expect(status).toMatchObject({ from: "live", version: 1 });
    expect(status.revision).not.toBe(revision);
    expect(({} as { killed?: boolean }).killed).toBeUndefined();
    await flags.close();
  });

  it("that was refused is not confirmed, so that the one in force grows old", async () => {
    const source = await sourceWith({ checkout: { rules: [{}] } });
    let now = 0;
    const clock = { now: () => now, monotonic: () => now };
    const flags = createFlags({ flags: definitions, source, clock, refresh: { pollMs: 86_400_000 } });
    await flags.ready();
    await writeText(source, "{");
    now = 5000;
    await flags.refresh();
    expect((await flags.refresh()).ageMs).toBe(5000);
    await writeText(source, rule({}));
    expect((await flags.refresh()).ageMs).toBe(0);
    await flags.close();
  });

  it("may have flags of another version of the application, which are kept", () => {
    const other = { rules: [{ value: { any: "thing" } }] };
    expect(parseDocument(JSON.stringify({ flags: { other } }), MAX).get("other")).toEqual(other);
  });

  it("takes every percentage in steps of 0.001", () => {
    const rules = Array.from({ length: 2703 }, (_, i): FlagRule => ({ percent: (i * 37) / 1000 }));
    expect(() => parseDocument(settings({ rules }), MAX)).not.toThrow();
  });
});
