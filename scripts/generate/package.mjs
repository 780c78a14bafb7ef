// Writes a new package that passes every check: `npm run new <name> -- [--layer 2] [--doors redis,http,express,fetch,next] [--description "…"]`.
// The files come from scripts/generate/template; replace the example feature in them with the package's own.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { files, textOf } from "../workspace.mjs";

const template = fileURLToPath(new URL("template", import.meta.url));
const optional = {
  redis: { source: "redis/index", files: ["redis/"] },
  http: { source: "http/index", files: ["http/"] },
  express: { source: "express", files: ["express"], needs: "http" },
  fetch: { source: "fetch", files: ["fetch"], needs: "http" },
  next: { source: "next", files: ["next"], needs: "fetch" },
};

class UsageError extends Error {}

function parse(argv) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      layer: { type: "string", default: "2" },
      doors: { type: "string", default: "" },
      description: { type: "string" },
    },
  });
  const [name] = positionals;
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name ?? ""))
    throw new UsageError(`name: expected kebab-case such as fair-queue, got ${name ?? "nothing"}`);
  if (existsSync(`packages/${name}`)) throw new UsageError(`name: packages/${name} exists already`);
  if (!/^[1-4]$/.test(values.layer)) throw new UsageError(`--layer: expected 1 to 4, got ${values.layer}`);
  const wanted = new Set(values.doors.split(",").filter((door) => door !== ""));
  for (const door of wanted) {
    if (!Object.hasOwn(optional, door))
      throw new UsageError(`--doors: expected some of ${Object.keys(optional).join(", ")}, got ${door}`);
    if (optional[door].needs) wanted.add(optional[door].needs);
  }
  const description =
    values.description ?? `Adds up units of each tenant in ${wanted.has("redis") ? "memory or in Redis" : "memory"}.`;
  return {
    name,
    layer: Number(values.layer),
    description,
    doors: Object.keys(optional).filter((door) => wanted.has(door)),
  };
}

const target = (source) => ({
  "@scale/source": `./src/${source}.ts`,
  types: `./dist/${source}.d.ts`,
  default: `./dist/${source}.js`,
});

function manifest({ name, description, doors }) {
  const sample = JSON.parse(textOf("packages/core/package.json"));
  const exports = { ".": target("index") };
  if (doors.includes("redis")) exports["./redis"] = target("redis/index");
  exports["./testing"] = target("testing/index");
  for (const door of doors.filter((each) => each !== "redis")) exports[`./${door}`] = target(optional[door].source);
  return {
    name: `@scale/${name}`,
    version: "0.0.0",
    description,
    keywords: ["multi-tenant", name],
    license: sample.license,
    type: "module",
    sideEffects: false,
    engines: sample.engines,
    repository: { ...sample.repository, directory: `packages/${name}` },
    files: sample.files,
    exports: { ...exports, "./package.json": "./package.json" },
    publishConfig: sample.publishConfig,
    scripts: { ...sample.scripts, test: `vitest run --root ../.. --project @scale/${name}` },
    dependencies: {
      "@scale/core": "workspace:^",
      ...(doors.includes("http") && { "@scale/http": "workspace:^" }),
      zod: "catalog:published",
    },
    peerDependencies: { vitest: ">=3" },
    peerDependenciesMeta: { vitest: { optional: true } },
    devDependencies: {
      ...(doors.includes("redis") && { ioredis: "catalog:" }),
      vitest: "catalog:",
    },
  };
}

/** The page with a line after the last one that matches. */
function withLine(path, pattern, line) {
  const lines = textOf(path).split("\n");
  const at = lines.findLastIndex((each) => pattern.test(each));
  if (at < 0) throw new UsageError(`${path}: expected a line like ${pattern}, found none`);
  return [path, lines.toSpliced(at + 1, 0, line).join("\n")];
}

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** The pages that every package is on. */
function registered({ name, layer, description }) {
  const key = name.includes("-") ? `"${name}"` : name;
  const row = (link, rest) => `| | [\`@scale/${name}\`](${link}) | ${rest} |`;
  const event = `| \`scale:${name}:store-fail\` | A call that the store did not answer. | \`tenantId\`, \`error\` |`;
  return [
    withLine("scripts/check/layer-table.mjs", new RegExp(`^  [\\w"-]+: [0-${layer}],$`), `  ${key}: ${layer},`),
    withLine("README.md", /^\|.*\[`@scale\/[\w-]+`\]\(packages\//, row(`packages/${name}/README.md`, description)),
    withLine("docs/index.md", /^\|.*\[`@scale\/[\w-]+`\]\(packages\//, row(`packages/${name}.md`, "")),
    withLine("docs/reference/events.md", /^\| *`scale:/, event),
    withLine(
      "ARCHITECTURE.md",
      new RegExp(`^\\| *[0-${layer}] *\\| *\\[`),
      `| ${layer} | [\`${name}\`](docs/packages/${name}.md): ${description} |`,
    ),
  ];
}

function generate(options) {
  const { name, description, doors } = options;
  // Before anything is written: a page without its table must not leave half a package.
  const pages = registered(options);
  const Name = name.replaceAll(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase());
  const fill = (text) =>
    text
      .replaceAll("__name__", name)
      .replaceAll("__Name__", Name)
      .replaceAll("__camel__", Name[0].toLowerCase() + Name.slice(1))
      .replaceAll("__description__", description);
  const isLeftOut = (path) =>
    Object.entries(optional).some(
      ([door, { files: own }]) => !doors.includes(door) && own.some((start) => path.startsWith(`src/${start}`)),
    );
  for (const path of files(template).map((each) => each.slice(template.length + 1))) {
    const to = fill(path.replace(/\.tmpl$/, ""));
    if (isLeftOut(path)) continue;
    const place = { "docs.md": `docs/packages/${name}.md`, "changeset.md": `.changeset/${name}-first.md` }[to];
    write(place ?? join("packages", name, to), fill(readFileSync(join(template, path), "utf8")));
  }
  write(`packages/${name}/package.json`, `${JSON.stringify(manifest(options), null, 2)}\n`);
  for (const [path, text] of pages) write(path, text);
}

try {
  const options = parse(process.argv.slice(2));
  generate(options);
  console.log(
    `packages/${options.name} is written. Next: npm run update, then npx vitest run --project @scale/${options.name}`,
  );
} catch (error) {
  if (!(error instanceof UsageError) && error.code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION") throw error;
  console.error(`new: ${error.message}`);
  process.exitCode = 1;
}
