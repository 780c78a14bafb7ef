// Writes scripts.gen.ts beside the .lua files of each package, so that no build or run needs to read them.
// `node scripts/generate/lua.mjs` writes; `--check` fails when a file is stale.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, posix } from "node:path";
import { files, report, textOf } from "../workspace.mjs";

const token =
  /(?<comment>--\[(?<a>=*)\[[\s\S]*?\]\k<a>\]|--[^\n]*)|(?<string>\[(?<b>=*)\[[\s\S]*?\]\k<b>\]|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*')/g;
const reserved =
  /^(?:break|case|catch|class|const|delete|do|else|enum|export|for|if|import|in|new|return|switch|try|with)$/;

/** The code alone. Every line keeps its number, so that an error of the server points into the .lua file. */
export function strip(source) {
  const spansLines = [...source.matchAll(token)].some(({ groups }) => groups.string?.includes("\n"));
  if (spansLines) return source; // Trimming the ends of lines would change the string.
  const code = source.replace(token, (text, ...rest) => (rest.at(-1).comment ? text.replace(/[^\n]+/g, " ") : text));
  return `${code.replace(/[ \t]+$/gm, "").trimEnd()}\n`;
}

/**
 * Keys and arguments that the code reads and the header comment leaves out, or the other way round, and a header that does not
 * state the largest input: `npm run proof attack` measures the server's time there.
 */
export function headerProblems(source) {
  const header = /^--\[(=*)\[[\s\S]*?\]\1\]/.exec(source)?.[0];
  if (!header) return ["starts without a --[[ header ]]"];
  const size = /\bLargest input: \S/.test(header) ? [] : ["the header does not state the `Largest input:`"];
  const code = source.slice(header.length).replace(token, (text, ...rest) => (rest.at(-1).comment ? " " : text));
  const names = ["KEYS", "ARGV"].flatMap((table) => {
    const all = (text, index) => [...text.matchAll(new RegExp(`\\b${table}\\[${index}\\]`, "g"))];
    const named = all(header, "(\\d+)").map((found) => Number(found[1]));
    // KEYS[2..n] is a range, KEYS[i] all of them.
    const from = all(header, "(?:(\\d+)\\.\\.[^\\]]*|[a-z]\\w*)").map((found) => Number(found[1] ?? 1));
    const used = [...new Set(all(code, "\\s*(\\d+)\\s*").map((found) => Number(found[1])))];
    // Anything but a literal index reads a number of elements that only the header can tell.
    const computed = new RegExp(`\\b${table}\\b(?!\\[\\s*\\d+\\s*\\])`).test(code);
    return [
      ...used
        .filter((i) => !named.includes(i) && !from.some((start) => start <= i))
        .map((i) => `${table}[${i}] is not in the header`),
      ...(computed && from.length === 0
        ? [`${table} is read by a computed index: the header must say ${table}[i], or ${table}[2..n]`]
        : []),
      ...(computed
        ? []
        : [...named, ...from].filter((i) => !used.includes(i)).map((i) => `${table}[${i}] of the header is not used`)),
    ];
  });
  return [...size, ...names];
}

/** The text of scripts.gen.ts for a folder and its .lua files. */
export function generate(folder, scripts) {
  // The package that declares the type cannot import itself by name before it is built.
  const own = folder.startsWith("packages/core/src");
  const near = own ? posix.relative(folder, "packages/core/src/redis/index.js") : "";
  const from = own ? (near.startsWith(".") ? near : `./${near}`) : "@scale/core/redis";
  const constants = scripts.map((path) => {
    const name = basename(path, ".lua");
    const source = strip(readFileSync(path, "utf8"));
    const sha1 = createHash("sha1").update(source).digest("hex");
    const constant = name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
    const fields = Object.entries({ name, sha1, source }).map(
      ([key, value]) => `  ${key}: ${JSON.stringify(value)},\n`,
    );
    return `/** ${basename(path)} */\nexport const ${constant}: Script = {\n${fields.join("")}};\n`;
  });
  return [`// Written by scripts/generate/lua.mjs.\nimport type { Script } from "${from}";\n`, ...constants].join("\n");
}

function main(check) {
  const all = files("packages").filter((path) => /^packages\/[^/]+\/src\//.test(path));
  const lua = all.filter((path) => path.endsWith(".lua"));
  const problems = lua.flatMap((path) => {
    const name = basename(path, ".lua");
    const badName = reserved.test(name) || !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name);
    const found = headerProblems(readFileSync(path, "utf8"));
    return [...(badName ? ["its name does not make an export"] : []), ...found].map((text) => `${path}:1 lua ${text}`);
  });
  const folders = [...new Set(lua.map((path) => dirname(path)))];
  const orphans = all.filter((path) => path.endsWith("/scripts.gen.ts") && !folders.includes(dirname(path)));
  problems.push(...orphans.map((path) => `${path}:1 lua has no .lua file beside it`));
  for (const folder of problems.length > 0 ? [] : folders) {
    const target = `${folder}/scripts.gen.ts`;
    const text = generate(
      folder,
      lua.filter((path) => dirname(path) === folder),
    );
    if (textOf(target) === text) continue;
    if (check) problems.push(`${target}:1 lua is stale: run \`npm run update\``);
    else writeFileSync(target, text);
  }
  report(problems, `lua: ${lua.length} scripts`);
}

if (process.argv[1]?.endsWith("generate/lua.mjs")) main(process.argv.includes("--check"));
