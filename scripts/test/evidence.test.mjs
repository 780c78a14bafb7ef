import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixture } from "./fixture.mjs";

const script = "generate/evidence.mjs";
const page = (marker) => `# Figures\n\n<!-- evidence: ${marker} -->\nold\n<!-- /evidence -->\n\nAfter.\n`;
const lineOf = (bench, more = {}) =>
  JSON.stringify({ bench, unit: "reads/s", against: "a | b", ratio: 1.2345, gate: ">= 1", goal: ">= 2", ...more });

function repository(marker, lines) {
  const { root, run, write } = fixture({
    "README.md": page(marker),
    "docs/evidence.json": '{ "bench": [], "proof": [] }',
    lines: `> npm\n${lines.join("\n")}\n`,
  });
  return { run, write, text: (name) => readFileSync(join(root, name), "utf8") };
}

test("evidence takes over the lines and writes the table of a section", () => {
  const { run, text } = repository("bench cache", [lineOf("cache: hit"), lineOf("quota: other")]);
  assert.deepEqual(run(script, "lines"), {
    code: 0,
    output: "evidence: 2 bench lines, 0 proof lines on 1 pages\n",
  });
  assert.equal(
    text("README.md"),
    "# Figures\n\n<!-- evidence: bench cache -->\n\nMeasured by `npm run bench cache`.\n\n" +
      "| row                          | figure | gate | goal |\n" +
      "| ---------------------------- | ------ | ---- | ---- |\n" +
      "| hit, reads/s, against a \\| b | 1.23   | >= 1 | >= 2 |\n\n<!-- /evidence -->\n\nAfter.\n",
  );
  assert.equal(JSON.parse(text("docs/evidence.json")).bench.length, 2);
});

test("evidence replaces the lines of a measured section and keeps those of others", () => {
  const { run, write, text } = repository("proof", [
    JSON.stringify({ proof: "cache: stale", value: 0, unit: "reads", bound: "<= 0" }),
    JSON.stringify({ proof: "quota: admitted", value: 7, unit: "units", bound: ">= 5" }),
  ]);
  run(script, "lines");
  write({ lines: JSON.stringify({ proof: "quota: admitted", value: 8, unit: "units", bound: ">= 5" }) });
  run(script, "lines");
  assert.match(
    text("README.md"),
    /\| cache: stale {4}\| 0 reads \| <= 0 {2}\|\n\| quota: admitted \| 8 units \| >= 5 {2}\|\n/,
  );
  assert.doesNotMatch(text("README.md"), /7 units/);
});

test("evidence gives a section with contenders a column for each", () => {
  const line = (name, contender, outcome) => lineOf(`races: ${name}`, { contender, outcome });
  const { run, text } = repository("bench races", [
    line("cut", "ours", "fresh"),
    line("lost", "ours", "fresh"),
    line("cut", "theirs", "stale"),
  ]);
  assert.equal(run(script, "lines").code, 0);
  assert.match(
    text("README.md"),
    /\| row {2}\| ours {2}\| theirs \|\n.*\n\| cut {2}\| fresh \| stale {2}\|\n\| lost \| fresh \| {8}\|\n/,
  );
});

test("evidence --check fails for a page that differs, and writes nothing", () => {
  const { run, write, text } = repository("bench cache", [lineOf("cache: hit")]);
  assert.equal(run(script, "--check").code, 1);
  assert.equal(text("README.md"), page("bench cache"));
  run(script, "lines");
  assert.equal(run(script, "--check").code, 0);
  write({ "README.md": text("README.md").replace("1.23", "9.99") });
  assert.match(run(script, "--check").output, /^README\.md:1 evidence differs from docs\/evidence\.json/);
});

test("evidence refuses a line that is neither of a bench nor of a proof", () => {
  const { code, output } = repository("bench", ['{"other":1}']).run(script, "lines");
  assert.equal(code, 1);
  assert.match(output, /expected a line of a bench or a proof, got \{"other":1\}/);
});
