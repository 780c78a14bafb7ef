// The files and packages of the repository, which is the current folder.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const generated = new Set(["node_modules", "dist", ".git", ".turbo", ".cache", "coverage"]);
const generatedPaths = new Set(["docs/api", "docs/.vitepress/cache", "docs/.vitepress/dist"]);

/** @returns {string} the text of a file, "" when there is none */
export function textOf(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT" || error.code === "ESRCH") return ""; // The second is a process in /proc that just ended.
    throw error;
  }
}

/** @returns {string[]} every file below `folder` that is not generated, sorted */
export function files(folder = ".") {
  const found = [];
  const visit = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (generated.has(entry.name) || generatedPaths.has(path)) continue;
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile()) found.push(path);
    }
  };
  if (existsSync(folder)) visit(folder);
  return found.toSorted();
}

/** @returns {{ name: string, folder: string, manifest: any }[]} the packages under packages/, by folder name */
export function packages() {
  const folders = existsSync("packages") ? readdirSync("packages").toSorted() : [];
  return folders
    .map((name) => ({ name, folder: `packages/${name}`, manifest: textOf(`packages/${name}/package.json`) }))
    .filter(({ manifest }) => manifest !== "")
    .map((pkg) => ({ ...pkg, manifest: JSON.parse(pkg.manifest) }));
}

/** @returns {string[]} the folders of all workspace members: packages, examples, benchmarks, proofs, docs */
export function members() {
  const groups = ["packages", "examples"].flatMap((group) =>
    existsSync(group)
      ? readdirSync(group)
          .toSorted()
          .map((name) => `${group}/${name}`)
      : [],
  );
  return [...groups, "benchmarks", "proofs", "docs"].filter((folder) => existsSync(`${folder}/package.json`));
}

/** @returns {[entry: string, target: Record<string, string>][]} the entries of a package that are code */
export const entries = (manifest) => Object.entries(manifest.exports ?? {}).filter(([, target]) => target.default);

/** Prints findings, or says what was found in order; the exit code follows. */
export function report(findings, ok) {
  for (const finding of findings) console.error(finding);
  if (findings.length === 0) console.log(ok);
  else console.error(`${findings.length} found`);
  process.exitCode = findings.length === 0 ? 0 : 1;
}
