import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
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

  it("runs the sections of a smoke run in processes of their own, and tells which one failed", async () => {
    const folder = await mkdtemp(join(tmpdir(), "sections-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const script = join(folder, "main.mjs");
    await writeFile(
      script,
      "const [name, flag] = process.argv.slice(2); console.log(name, flag); process.exit(+(name === 'b'));",
    );
    const never = async (): Promise<never> => expect.fail("runs in this process");
    const printed: string[] = [];
    const sections = { a: never, b: never, c: never };
    const print = (text: string) => printed.push(text);
    const code = await runSections({ sections, argv: ["--smoke"], print, smokeApart: { script, processes: 2 } });
    expect(code).toBe(1);
    expect(printed.toSorted()).toEqual(["FAIL  b ended with exit code 1", "a --smoke", "b --smoke", "c --smoke"]);
  });

  it("names the words that it does not know", async () => {
    expect(await run(["c", "--jsno"])).toEqual({
      code: 2,
      printed: ["unknown: c, --jsno; known: a, b, --json, --smoke"],
    });
  });
});
