import { describe, expect, it } from "vitest";
import type { Line } from "./line.js";
import { runSections } from "./sections.js";

async function run(argv: string[], lines: Line[] = [{ bench: "a", ratio: 1.23456, pass: true }]) {
  const printed: string[] = [];
  const section = async function* () {
    yield* lines;
  };
  const sections = { a: async () => section, b: async () => section };
  const code = await runSections({ sections, argv, print: (text) => printed.push(text) });
  return { code, printed };
}

describe("runSections", () => {
  it("runs all sections, or those that are named", async () => {
    expect((await run([])).printed).toHaveLength(2);
    expect(await run(["b"])).toEqual({ code: 0, printed: ["pass  bench a  ratio 1.235"] });
  });

  it("prints one JSON object a line", async () => {
    expect((await run(["a", "--json"])).printed).toEqual(['{"bench":"a","ratio":1.23456,"pass":true}']);
  });

  it("ends with 1 for a line that does not pass, except in a smoke run", async () => {
    const missed = [{ bench: "a", pass: false }];
    expect((await run(["a"], missed)).code).toBe(1);
    expect((await run(["a", "--smoke"], missed)).code).toBe(0);
  });

  it("names the words that it does not know", async () => {
    expect(await run(["c", "--jsno"])).toEqual({
      code: 2,
      printed: ["unknown: c, --jsno; known: a, b, --json, --smoke"],
    });
  });
});
