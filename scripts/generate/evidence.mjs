// Keeps the measured figures in docs/evidence.json and writes them into the pages that show them.
//   node scripts/generate/evidence.mjs LINES    takes over the output of `npm run bench -- --json` or `npm run proof -- --json`
//   node scripts/generate/evidence.mjs          writes the pages again
//   node scripts/generate/evidence.mjs --check  writes nothing and exits 1 when a page differs from docs/evidence.json
// A page shows a table between `<!-- evidence: bench rate-limit -->` and `<!-- /evidence -->`. The first word is `bench` or
// `proof`, the second a section; without a section the table has all of them. A section whose lines all name a contender has
// a column for each.
import { writeFileSync } from "node:fs";
import { files, report, textOf } from "../workspace.mjs";

const path = "docs/evidence.json";
const kinds = ["bench", "proof"];
const block = /(?<open><!-- evidence: (?<kind>[\w-]+)(?: (?<section>[\w-]+))? -->\n)[^]*?<!-- \/evidence -->/g;

const sectionOf = (name) => name.slice(0, name.indexOf(":"));
const kindOf = (line) => kinds.find((kind) => line[kind] !== undefined);

/** The lines of a section take the place of its older ones; other sections stay as they are. */
function merge(kept, lines) {
  const unknown = lines.find((line) => kindOf(line) === undefined);
  if (unknown) throw new Error(`expected a line of a bench or a proof, got ${JSON.stringify(unknown)}`);
  return Object.fromEntries(
    kinds.map((kind) => {
      const added = lines.filter((line) => kindOf(line) === kind);
      const measured = new Set(added.map((line) => sectionOf(line[kind])));
      return [kind, [...(kept[kind] ?? []).filter((line) => !measured.has(sectionOf(line[kind]))), ...added]];
    }),
  );
}

/** @returns {object[]} the JSON lines of a file; npm's own lines are left out */
const parse = (text) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));

const rounded = (value) => (typeof value === "number" ? String(Number(value.toPrecision(3))) : value);

/** The figure that the gate applies to. */
function figureOf({ outcome, points, ratio, ours, value, unit }) {
  if (outcome !== undefined) return outcome;
  if (points !== undefined) return `${rounded(points)} points`;
  return ratio === undefined ? `${rounded(ours ?? value)} ${unit}` : rounded(ratio);
}

function rowOf(line, kind, section) {
  const about = [
    section ? line[kind].slice(section.length + 2) : line[kind],
    line.ratio !== undefined && line.unit,
    line.against && `against ${line.against}`,
    line.contender,
  ];
  const bounds = kind === "bench" ? [line.gate, line.goal] : [line.bound];
  return [about.filter(Boolean).join(", "), figureOf(line), ...bounds].map((text) => text.replaceAll("|", "\\|"));
}

/** Aligned as the formatter would. */
function markdown([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column].length)));
  const rule = widths.map((width) => "-".repeat(width));
  return [head, rule, ...rows]
    .map((row) => `| ${row.map((text, column) => text.padEnd(widths[column])).join(" | ")} |\n`)
    .join("");
}

/** A row for each case, and a column for each contender, both in the order of the lines. */
function matrixOf(lines, kind, section) {
  const contenders = [...new Set(lines.map((line) => line.contender))];
  const cases = [...new Set(lines.map((line) => line[kind]))];
  const figure = (name, contender) => {
    const found = lines.find((line) => line[kind] === name && line.contender === contender);
    return found === undefined ? "" : figureOf(found).replaceAll("|", "\\|");
  };
  return [
    ["row", ...contenders],
    ...cases.map((name) => [name.slice(section.length + 2), ...contenders.map((each) => figure(name, each))]),
  ];
}

function tableOf(lines, kind, section) {
  const command = `\`npm run ${kind}${section ? ` ${section}` : ""}\``;
  if (lines.length === 0) return `\nNot measured yet: ${command} prints the figures.\n\n`;
  const head = kind === "bench" ? ["row", "figure", "gate", "goal"] : ["row", "figure", "bound"];
  const rows =
    section && lines.every((line) => line.contender !== undefined)
      ? matrixOf(lines, kind, section)
      : [head, ...lines.map((line) => rowOf(line, kind, section))];
  return `\nMeasured by ${command}.\n\n${markdown(rows)}\n`;
}

function render(evidence, page) {
  const tables = (...match) => {
    const { open, kind, section } = match.at(-1);
    if (!kinds.includes(kind)) throw new Error(`expected bench or proof in an evidence block, got ${kind}`);
    const all = evidence[kind] ?? [];
    const lines = section ? all.filter((line) => sectionOf(line[kind]) === section) : all;
    return `${open}${tableOf(lines, kind, section)}<!-- /evidence -->`;
  };
  return page.replace(block, tables);
}

const [input] = process.argv.slice(2);
const check = input === "--check";
const stored = textOf(path);
let evidence = stored === "" ? { bench: [], proof: [] } : JSON.parse(stored);
if (input !== undefined && !check) {
  evidence = merge(evidence, parse(textOf(input)));
  writeFileSync(path, `${JSON.stringify(evidence, null, 2)}\n`);
}
const pages = files().filter((page) => page.endsWith(".md") && textOf(page).includes("<!-- evidence: "));
const stale = pages.filter((page) => render(evidence, textOf(page)) !== textOf(page));
if (!check) for (const page of stale) writeFileSync(page, render(evidence, textOf(page)));
report(
  check ? stale.map((page) => `${page}:1 evidence differs from ${path}; run node scripts/generate/evidence.mjs`) : [],
  `evidence: ${evidence.bench.length} bench lines, ${evidence.proof.length} proof lines on ${pages.length} pages`,
);
