// Keeps the public types of each package in its api.d.ts.txt: a change to them shows in review, and an unintended one fails.
// `node scripts/generate/api.mjs` compares with what is built; `--update` writes.
import { existsSync, writeFileSync } from "node:fs";
import { posix } from "node:path";
import { createReader } from "./declarations.mjs";
import { entries, packages, report, textOf } from "../workspace.mjs";

function golden({ folder, manifest }) {
  const reader = createReader();
  const exported = entries(manifest).map(([entry, target]) => {
    const names = reader.entry(posix.join(folder, target.types));
    return `// ${posix.join(manifest.name, entry)}\n${names.map((name) => `//   ${name}\n`).join("")}`;
  });
  return `${[...exported, ...reader.declarations()].join("\n").trimEnd()}\n`;
}

/** The first line that differs, with its number. */
function difference(kept, now) {
  const [before, after] = [kept.split("\n"), now.split("\n")];
  const at = after.findIndex((line, index) => line !== before[index]);
  const index = at < 0 ? after.length : at;
  return `${index + 1} api was \`${before[index] ?? ""}\`, is \`${after[index] ?? ""}\``;
}

const update = process.argv.includes("--update");
const published = packages().filter(({ manifest }) => !manifest.private);
const problems = published.flatMap((pkg) => {
  const path = `${pkg.folder}/api.d.ts.txt`;
  const missing = entries(pkg.manifest).find(([, target]) => !existsSync(`${pkg.folder}/${target.types}`));
  if (missing) return [`${pkg.folder}/package.json:1 api ${missing[1].types} is not built`];
  const now = golden(pkg);
  if (textOf(path) === now) return [];
  if (!update) return [`${path}:${difference(textOf(path), now)}; if that is meant, run \`npm run update\``];
  writeFileSync(path, now);
  return [];
});
report(problems, `api: ${published.length} packages`);
