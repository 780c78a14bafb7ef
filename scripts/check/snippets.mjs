// Type-checks every ```ts fence of the documentation against the sources, all in one run of tsc.
//   ```ts [scale.plan.ts]     is written under that name, and the other fences of the page may import "./scale.plan.js"
//   ```ts nocheck <reason>    is left out
// A fence that imports "./generated/prisma/client.js" gets the client that Prisma generates for `snippets.prisma`.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { files, report } from "../workspace.mjs";

const folder = ".cache/check-docs";
const pages = files().filter((path) =>
  /^(?:README|CONTRIBUTING|ARCHITECTURE)\.md$|^packages\/[^/]+\/README\.md$|^docs\/.*\.md$/.test(path),
);
const problems = [];
/** @type {Map<string, { page: string, line: number }>} the fence from which each file is written */
const fences = new Map();

/** @returns {{ info: string, line: number, text: string }[]} the ts fences of a page; `line` is that of the opening one */
function fencesOf(page) {
  const found = [];
  let open;
  readFileSync(page, "utf8")
    .split("\n")
    .forEach((text, index) => {
      const [, mark, info] = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(text) ?? [];
      if (open && mark?.startsWith(open.mark) && info === "") open = undefined;
      else if (open) open.lines.push(text);
      else if (mark) found.push((open = { mark, info, line: index + 1, lines: [] }));
    });
  return found
    .filter(({ info }) => /^(?:ts|typescript)\b/.test(info))
    .map(({ lines, ...rest }) => ({ ...rest, text: lines.join("\n") }));
}

function write(page) {
  for (const { info, line, text } of fencesOf(page)) {
    if (/\bnocheck\b/.test(info)) {
      if (!/\bnocheck\W+\w/.test(info)) problems.push(`${page}:${line} docs say why: \`nocheck <reason>\``);
      continue;
    }
    const name = /\[([\w./-]+\.ts)\]/.exec(info)?.[1] ?? `line-${line}.ts`;
    const path = join(folder, page.replaceAll(/[/.]/g, "-"), name);
    if (fences.has(path)) problems.push(`${page}:${line} docs ${name} is on this page already`);
    fences.set(path, { page, line });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  }
}

/** One node_modules with what any workspace package can import, the packages themselves included. */
function link(from, into) {
  for (const name of existsSync(from) ? readdirSync(from) : []) {
    if (name.startsWith(".")) continue;
    if (name.startsWith("@") && !existsSync(join(from, name, "package.json"))) link(join(from, name), join(into, name));
    else if (!existsSync(join(into, name))) {
      mkdirSync(into, { recursive: true });
      symlinkSync(resolve(from, name), join(into, name));
    }
  }
}

const CLIENT = "./generated/prisma/client.js";

/** Generates the client once for each schema and version of Prisma. It needs no network. */
function generateClient() {
  const schema = "scripts/check/snippets.prisma";
  const prisma = "packages/db-router/node_modules/prisma";
  const hash = createHash("sha256")
    .update(readFileSync(schema))
    .update(readFileSync(`${prisma}/package.json`));
  const kept = join(".cache/check-docs-prisma", hash.digest("hex").slice(0, 16));
  if (existsSync(kept)) return join(kept, "client");
  mkdirSync(dirname(kept), { recursive: true });
  const work = mkdtempSync(join(dirname(kept), "work-"));
  copyFileSync(schema, join(work, "schema.prisma"));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [resolve(prisma, "build/index.js"), "generate", "--schema", resolve(work, "schema.prisma")],
    // A generator needs no schema engine, and Prisma wants to fetch one. Any program that exists will do.
    {
      cwd: work,
      encoding: "utf8",
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
    },
  );
  if (status !== 0) throw new Error(`prisma generate failed: ${stdout}${stderr}`);
  if (existsSync(kept)) rmSync(work, { recursive: true, force: true });
  else renameSync(work, kept);
  return join(kept, "client");
}

function addClients() {
  const using = [...fences.keys()].filter((path) => readFileSync(path, "utf8").includes(CLIENT));
  if (using.length === 0) return;
  const client = generateClient();
  for (const page of new Set(using.map(dirname))) cpSync(client, join(page, "generated/prisma"), { recursive: true });
}

const options = {
  // A snippet shows one thing: it may leave a variable unused and a decorated class without its build's settings.
  noEmit: true,
  declaration: false,
  declarationMap: false,
  isolatedDeclarations: false,
  erasableSyntaxOnly: false,
  experimentalDecorators: true,
  noUnusedLocals: false,
  noUnusedParameters: false,
  // Libraries ship types of every client that they know, and those need clients that are not installed here.
  skipLibCheck: true,
};

rmSync(folder, { recursive: true, force: true });
for (const page of pages) write(page);
addClients();
if (fences.size > 0) {
  const members = ["examples", "packages"].flatMap((group) =>
    existsSync(group) ? readdirSync(group).map((name) => join(group, name)) : [],
  );
  for (const member of members) link(join(member, "node_modules"), join(folder, "node_modules"));
  for (const name of existsSync("packages") ? readdirSync("packages") : []) {
    const target = join(folder, "node_modules/@scale", name);
    mkdirSync(dirname(target), { recursive: true });
    if (!existsSync(target)) symlinkSync(resolve("packages", name), target);
  }
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  const config = {
    extends: resolve("tsconfig.base.json"),
    compilerOptions: options,
    include: ["**/*.ts"],
    exclude: ["node_modules"],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const { stdout, stderr, error } = spawnSync("tsc", ["-p", folder, "--pretty", "false"], { encoding: "utf8" });
  if (error) throw error;
  for (const line of `${stdout}${stderr}`.split("\n").filter(Boolean)) {
    const [, path, row, , rest] = /^(.+?)\((\d+),(\d+)\): (.*)$/.exec(line) ?? [];
    const fence = fences.get(path);
    problems.push(fence ? `${fence.page}:${fence.line + Number(row)} docs ${rest}` : line);
  }
}
report(problems, `docs: ${fences.size} snippets on ${pages.length} pages`);
