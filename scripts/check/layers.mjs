// Enforces the layer table on what the sources of packages import, and on the dependencies their package.json declares.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { files, members, packages, report } from "../workspace.mjs";
import { readSource } from "./source.mjs";

const table = pathToFileURL(resolve("scripts/check/layer-table.mjs"));
const { httpFiles, layers, libraries, privatePackages } = await import(table);

const targetOf = (path, name) => posix.normalize(posix.join(posix.dirname(path), name));
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
    return "only http, express.ts, fetch.ts, next and testing may import @scale/http";
  }
  if (from === "nest" && layers[to] > 1 && !type) return `nest imports types only from @scale/${to}`;
  return undefined;
}

function importProblem({ name: from, folder, manifest }, path, found) {
  const file = path.slice(`${folder}/src/`.length);
  if (found.name.startsWith(".")) {
    const target = targetOf(path, found.name);
    // A path out of the package is the finding of pathProblems.
    const isOutside = target.startsWith(`${folder}/`) && !target.startsWith(`${folder}/src/`);
    return isOutside ? `${found.name} is outside the package's src` : undefined;
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
  if (libraries[name] === undefined) return `${name} is not in scripts/check/layer-table.mjs`;
  const isAllowed = libraries[name].test(path.slice("packages/".length));
  return isAllowed ? undefined : `${name} is for ${libraries[name]} only, see scripts/check/layer-table.mjs`;
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

const isSource = (path) => /\.[cm]?tsx?$/.test(path);
const finding = (path, line, text) => `${path}:${line} layers ${text}`;

function packageProblems(pkg) {
  if (layers[pkg.name] === undefined)
    return [finding(`${pkg.folder}/package.json`, 1, `${pkg.name} is not in the layer table`)];
  const sources = files(`${pkg.folder}/src`).filter((path) => isSource(path) && !/\.test\.tsx?$/.test(path));
  const ofManifest = manifestProblems(pkg).map((text) => finding(`${pkg.folder}/package.json`, 1, text));
  const ofSources = sources.flatMap((path) =>
    readSource(path, readFileSync(path, "utf8")).imports.flatMap((found) => {
      const problem = importProblem(pkg, path, found);
      return problem ? [finding(path, found.line, problem)] : [];
    }),
  );
  return [...ofManifest, ...ofSources];
}

/** Tests, benches, proofs and examples reach another workspace member through its doors too, never by a path into it. */
function pathProblems(folder) {
  return files(folder)
    .filter((path) => isSource(path) && !path.endsWith(".config.ts"))
    .flatMap((path) =>
      readSource(path, readFileSync(path, "utf8"))
        .imports.filter(({ name }) => name.startsWith(".") && !targetOf(path, name).startsWith(`${folder}/`))
        .map(({ name, line }) => finding(path, line, `${name} leaves ${folder}: import a door of that package`)),
    );
}

const names = packages().map(({ name }) => name);
const problems = [
  ...packages()
    .filter(({ name }) => !privatePackages.includes(name))
    .flatMap(packageProblems),
  ...members().flatMap(pathProblems),
  ...Object.keys(layers)
    .filter((name) => !names.includes(name))
    .map((name) => finding("scripts/check/layer-table.mjs", 1, `${name} does not exist`)),
];
report([...new Set(problems)], `layers: ${names.length} packages`);
