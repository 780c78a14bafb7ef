// Enforces the layer table on what the sources of packages import, and on the dependencies their package.json declares.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { httpFiles, layers, libraries, privatePackages } from "./layer-table.mjs";
import { mask } from "./mask.mjs";
import { files, packages, report } from "../workspace.mjs";

const statement = /\b(?:import|export)\s+(?<type>type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?["'](?<name>[^"']+)["']/g;
const call = /\b(?:import|require)\s*\(\s*["'](?<name>[^"']+)["']/g;

/** @returns {{ name: string, type: boolean, line: number }[]} the modules that a source names */
function importsOf(source) {
  const code = mask(source, { strings: "kept" });
  const real = mask(source);
  return [...code.matchAll(statement), ...code.matchAll(call)]
    .filter(({ index }) => /^(?:import|export|require)/.test(real.slice(index, index + 7))) // Not one inside a string.
    .map(({ index, groups }) => ({
      name: groups.name,
      type: groups.type !== undefined,
      line: code.slice(0, index).split("\n").length,
    }));
}

const packageOf = (name) => /^(?:@[^/]+\/)?[^/]+/.exec(name)[0];

/** Why package `from` may not import `name` in `file` (relative to its src), or undefined. */
function scaleProblem(from, file, { name, type }) {
  const to = packageOf(name).slice("@scale/".length);
  if (to === from) return undefined;
  if (privatePackages.includes(to)) return `@scale/${to} is private: only tests import it`;
  if (layers[to] === undefined) return `@scale/${to} is not in the layer table`;
  if (layers[to] >= layers[from]) {
    return `${from} (layer ${layers[from]}) may not import ${to} (layer ${layers[to]})`;
  }
  if (to === "http" && layers[from] < 4 && file !== undefined && !httpFiles.test(file)) {
    return "only http.ts, express.ts, next.ts and testing.ts may import @scale/http";
  }
  if (from === "nest" && layers[to] > 1 && !type) return `nest imports types only from @scale/${to}`;
  return undefined;
}

function importProblem({ name: from, folder, manifest }, path, found) {
  const file = path.slice(`${folder}/src/`.length);
  if (found.name.startsWith(".")) {
    const inside = posix.normalize(posix.join(posix.dirname(path), found.name)).startsWith(`${folder}/src/`);
    return inside ? undefined : `${found.name} is outside the package's src`;
  }
  if (found.name.startsWith("node:")) return undefined;
  if (builtinModules.includes(found.name)) return `write node:${found.name}`;
  const name = packageOf(found.name);
  const problem = name.startsWith("@scale/") ? scaleProblem(from, file, found) : libraryProblem(name, path);
  if (problem) return problem;
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies };
  return name === manifest.name || declared[name]
    ? undefined
    : `${name} is not in its dependencies or peerDependencies`;
}

function libraryProblem(name, path) {
  if (libraries[name] === undefined) return `${name} is not in the layer table`;
  return libraries[name].test(path.slice("packages/".length)) ? undefined : `${name} is not for this file`;
}

function manifestProblems({ name: from, manifest }) {
  const declared = Object.keys({
    ...manifest.dependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  });
  return declared.flatMap((name) => {
    if (name.startsWith("@scale/")) return scaleProblem(from, undefined, { name, type: true }) ?? [];
    return libraries[name] ? [] : [`${name} is not in the layer table`];
  });
}

const problems = packages().flatMap((pkg) => {
  if (privatePackages.includes(pkg.name)) return [];
  if (layers[pkg.name] === undefined)
    return [`${pkg.folder}/package.json:1 layers ${pkg.name} is not in the layer table`];
  const sources = files(`${pkg.folder}/src`).filter((path) => /\.[cm]?tsx?$/.test(path) && !/\.test\.tsx?$/.test(path));
  const ofManifest = manifestProblems(pkg).map((text) => `${pkg.folder}/package.json:1 layers ${text}`);
  const ofSources = sources.flatMap((path) =>
    importsOf(readFileSync(path, "utf8")).flatMap((found) => {
      const problem = importProblem(pkg, path, found);
      return problem ? [`${path}:${found.line} layers ${problem}`] : [];
    }),
  );
  return [...ofManifest, ...ofSources];
});
report(problems, `layers: ${packages().length} packages`);
