// House rules that a linter does not know. A comment on the line before allows one finding, on line 1 one of a whole file:
//   `scale-allow: <rule> because <reason>`; an allowance that allows nothing is a finding too.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { files, packages, report } from "../workspace.mjs";
import { lineRules } from "./rule-table.mjs";
import { readSource } from "./source.mjs";

const script = /\.[cm]?[jt]sx?$/;
const generated = /\.gen\.ts$|(?:^|\/)CHANGELOG\.md$|^pnpm-lock\.yaml$/;
const pages = /^(?:README|CONTRIBUTING|ARCHITECTURE|CHANGELOG|LICENSE|SECURITY|CODE_OF_CONDUCT)\.md$/;
const leftover = /\.(?:orig|rej|bak)$/;
const vague = /(?:^|\/)(?:utils?|helpers?|misc|common)(?:\/|\.[cm]?[jt]sx?$)/;
/** A generated table of figures, whose length depends on what was measured. */
const evidence = /<!-- evidence: [^]*?<!-- \/evidence -->/g;
const allowance = /^\s*(?:\/\/|--|#|<!--)\s*scale-allow:(?<text>.*)/;

const doors = new Set(
  packages().flatMap(({ folder, manifest }) =>
    Object.values(manifest.exports ?? {}).map((target) => `${folder}/${String(target["@scale/source"]).slice(2)}`),
  ),
);
const published = packages().filter(({ manifest }) => !manifest.private);

function fileFindings(path, text) {
  const name = basename(path);
  const written = text.replaceAll(evidence, "").replace(/\n$/, "");
  const lines = written.split("\n").length;
  const limit = /^(?:README|CONTRIBUTING|ARCHITECTURE)\.md$/.test(name) ? 150 : script.test(path) ? 600 : undefined;
  const barrel = /^(?:packages|examples)\/.*\/src\/.+\/index\.ts$/.test(path) && !doors.has(path);
  const code = barrel
    ? readSource(path, text).withStrings.replace(/export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s*from\s*["'][^"']*["'];?/g, "")
    : "";
  if (script.test(path) && lines > 400 && lines <= 600) console.warn(`${path}:1 size warning: ${lines} lines`);
  return [
    (vague.test(path) || (/^[A-Z][A-Z0-9_-]+\.md$/.test(name) && !pages.test(name))) && [
      "file-name",
      "name it after what it does",
    ],
    limit && lines > limit && ["size", `${lines} lines, at most ${limit}`],
    barrel && code.trim() === "" && ["barrel", "only the index files of a package's entries re-export"],
  ].filter(Boolean);
}

function readmeFindings({ folder }) {
  const path = `${folder}/README.md`;
  if (!all.includes(path)) return [{ path, line: 1, rule: "readme", message: "is missing" }];
  const line =
    readFileSync(path, "utf8")
      .split("\n")
      .findIndex((text) => /^\s*```ts\b/.test(text)) + 1;
  return line > 0 && line <= 25
    ? []
    : [{ path, line: 1, rule: "readme", message: "a ts program must start by line 25" }];
}

/** An application that has another version of a pinned dependency gets a second copy, with classes that are not its own. */
function manifestFindings({ folder, manifest }) {
  return Object.entries(manifest.dependencies ?? {})
    .filter(([, version]) => !/^(?:workspace:\^|catalog:published)$/.test(version))
    .map(([name, version]) => ({
      path: `${folder}/package.json`,
      line: 1,
      rule: "pinned",
      message: `${name}: expected "catalog:published" or "workspace:^", got "${version}"`,
    }));
}

function lineFindings(path, text) {
  const source = script.test(path) ? readSource(path, text) : undefined;
  const views = { all: text, code: source?.code ?? text, text: source?.withStrings ?? text };
  return lineRules
    .filter(({ files: where, except }) => where.test(path) && !except?.test(path))
    .flatMap(({ rule, view: name = "code", pattern, message }) =>
      views[name]
        .split("\n")
        .flatMap((line, index) => (pattern.test(line) ? [{ path, line: index + 1, rule, message }] : [])),
    );
}

/** Takes out what is allowed, and adds the allowances that allow nothing. */
function settle(path, text, findings) {
  const open = [...findings];
  text.split("\n").forEach((line, index) => {
    const found = allowance.exec(line);
    if (!found) return;
    const rule = /^\s*([\w-]+)\s+because\s+\w/.exec(found.groups.text)?.[1];
    const at = open.findIndex(
      (finding) => finding.rule === rule && (finding.line === index + 2 || index + finding.line === 1),
    );
    if (at >= 0) {
      open.splice(at, 1);
      allowed += 1;
    } else
      open.push({
        path,
        line: index + 1,
        rule: "allow",
        message: rule ? `nothing to allow for ${rule}` : "write `<rule> because <reason>`",
      });
  });
  return open;
}

let allowed = 0;
const all = files().filter((path) => !generated.test(path));
const findings = all
  .filter((path) => leftover.test(path))
  .map((path) => ({ path, line: 1, rule: "leftover", message: "delete it: it is in the history" }));
const read = all
  .filter((path) => /\.(?:md|[cm]?[jt]sx?|lua|sql|html|css|vue|json|ya?ml)$/.test(path))
  .flatMap((path) => {
    const text = readFileSync(path, "utf8");
    const ofFile = fileFindings(path, text).map(([rule, message]) => ({ path, line: 1, rule, message }));
    return settle(path, text, [...ofFile, ...lineFindings(path, text)]);
  });
findings.push(...read, ...published.flatMap(readmeFindings), ...published.flatMap(manifestFindings));
report(
  findings.map(({ path, line, rule, message }) => `${path}:${line} ${rule} ${message}`),
  `rules: ${all.length} files, ${allowed} findings allowed`,
);
