// Reads the declaration files that tsc writes: which names an entry exports, and the declarations they stand on.
// tsc's output is regular: after comments are gone every top-level statement starts at column 0 with a word.
import { readFileSync } from "node:fs";
import { posix } from "node:path";

const string = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`/;
const comment = /\/\*[\s\S]*?\*\/|\/\/[^\n]*/;
const declared =
  /^(?:export )?(?:default )?(?:declare )?(?:abstract )?(?:const enum|class|const|enum|function|interface|let|namespace|type|var) ([\w$]+)/;
const clause = /^(?:import|export) (?:type )?([\s\S]*?)\s*from "([^"]+)";$/;
const words = (text) => new Set(text.match(/[\w$]+/g));

const withoutComments = (text) =>
  text
    .replace(new RegExp(`(${string.source})|${comment.source}`, "g"), (_, kept) => kept ?? "")
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{2,}/g, "\n")
    .trim();

/** `a, type b as c` as [["a", "a"], ["b", "c"]]. */
const namesIn = (list) =>
  list
    .split(",")
    .map((item) =>
      item
        .trim()
        .replace(/^type /, "")
        .split(" as "),
    )
    .filter(([name]) => name !== "")
    .map(([name, alias = name]) => [name, alias]);

const resolve = (path, specifier) =>
  specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier.replace(/\.js$/, ".d.ts")) : undefined;

/** One file: `local` name → texts, `imported` name → where from, `exported` name → the local name or where from. */
function parse(path) {
  const file = { path, local: new Map(), imported: new Map(), exported: new Map() };
  for (const text of withoutComments(readFileSync(path, "utf8")).split(/\n(?=[a-z])/)) {
    const [, list, specifier] = clause.exec(text) ?? [];
    const name = declared.exec(text)?.[1];
    const own = /^export (?:type )?\{([^}]*)\};$/.exec(text)?.[1];
    if (specifier) readClause(file, { text, list, specifier });
    else if (own !== undefined) for (const [from, as] of namesIn(own)) file.exported.set(as, { name: from });
    else if (/^export default [\w$]+;$/.test(text)) file.exported.set("default", { name: text.slice(15, -1) });
    else if (name) {
      file.local.set(name, [...(file.local.get(name) ?? []), text]);
      if (text.startsWith("export ")) file.exported.set(text.startsWith("export default") ? "default" : name, { name });
    } else if (!text.startsWith('import "') && text !== "")
      throw new Error(`${path}: cannot read \`${text.split("\n")[0]}\``);
  }
  return file;
}

function readClause(file, { text, list, specifier }) {
  const target = resolve(file.path, specifier);
  const braces = /\{([\s\S]*)\}/.exec(list)?.[1] ?? "";
  const rest = list
    .replace(/\{[\s\S]*\}/, "")
    .replace(/[,\s]+$/, "")
    .trim();
  const map = text.startsWith("export") ? file.exported : file.imported;
  for (const [name, as] of namesIn(braces)) map.set(as, { name, target, specifier });
  if (rest === "") return;
  const alias = /^\* as ([\w$]+)$/.exec(rest)?.[1];
  if (rest.startsWith("*") && (map === file.exported || target || !alias))
    throw new Error(`${file.path}: cannot read \`${text}\``);
  map.set(alias ?? rest, { name: alias ? "*" : "default", target, specifier });
}

/** Reads entries into one set of declarations, each kept once. */
export function createReader() {
  const parsed = new Map();
  const seen = new Set();
  /** @type {Map<string, { name: string, path: string, text: string }>} */
  const found = new Map();
  const file = (path) => parsed.get(path) ?? parsed.set(path, parse(path)).get(path);

  function visit(path, name, map) {
    const id = `${path} ${name} ${map}`;
    if (seen.has(id)) return;
    seen.add(id);
    const at = file(path);
    const link = map === "exported" ? at.exported.get(name) : at.imported.get(name);
    if (map === "exported" && !link) throw new Error(`${path} does not export ${name}`);
    if (link) follow(path, link, name);
    else if (at.local.has(name)) readLocal(at, name);
  }

  function follow(path, link, as) {
    if (link.target) visit(link.target, link.name, "exported");
    else if (link.specifier) keep("", outside(link, as));
    else visit(path, link.name, "local");
  }

  function readLocal(at, name) {
    const { path } = at;
    const text = at.local.get(name).join("\n"); // The order of overloads means something.
    keep(name, text.replace(/^(?:export )?(?:default )?(?:declare )?/gm, ""), path);
    for (const word of words(text)) {
      if (at.local.has(word)) visit(path, word, "local");
      else if (at.imported.has(word)) visit(path, word, "imported");
    }
    for (const [, specifier, inner] of text.matchAll(/import\("(\.[^"]+)"\)\.([\w$]+)/g)) {
      visit(resolve(path, specifier), inner, "exported");
    }
  }
  const keep = (name, text, path = "") => found.set(`${name} ${path} ${text}`, { name, path, text });
  const outside = ({ name, specifier }, as) =>
    `import ${name === "*" ? `* as ${as}` : name === "default" ? as : `{ ${name === as ? name : `${name} as ${as}`} }`} from "${specifier}";`;

  return {
    /** @returns {string[]} the names an entry exports, sorted */
    entry(path) {
      const names = [...file(path).exported.keys()].toSorted();
      for (const name of names) visit(path, name, "exported");
      return names;
    },
    /** @returns {string[]} every declaration that the entries so far stand on, sorted by name */
    declarations() {
      const ids = [...found.keys()].toSorted();
      const all = ids.map((id) => found.get(id));
      const twice = ({ name, path }) => name !== "" && all.some((other) => other.name === name && other.path !== path);
      return all.map((one) => (twice(one) ? `// in ${posix.basename(one.path)}\n${one.text}` : one.text));
    },
  };
}
