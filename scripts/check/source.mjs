// Reads TypeScript and JavaScript for the checks: comments, strings, imports, and the code without them.
import { parseSync } from "oxc-parser";

export const lineAt = (text, offset) => text.slice(0, offset).split("\n").length;

const blank = (text) => text.replace(/[^\n]/g, " ");

function stringsIn(node, found = []) {
  if (node === null || typeof node !== "object") return found;
  if (Array.isArray(node)) {
    for (const each of node) stringsIn(each, found);
    return found;
  }
  if (node.type === "Literal" && (typeof node.value === "string" || node.regex !== undefined))
    found.push({
      start: node.start + 1,
      end: node.end - 1,
      text: String(node.value),
      isRegex: node.regex !== undefined,
    });
  if (node.type === "TemplateElement") found.push({ start: node.start, end: node.end, text: node.value.raw });
  for (const key of Object.keys(node))
    if (key !== "value" || node.type !== "TemplateElement") stringsIn(node[key], found);
  return found;
}

function importsIn({ staticImports, staticExports, dynamicImports }, text) {
  const entries = [
    ...staticImports.map(({ moduleRequest, entries, start }) => ({
      name: moduleRequest.value,
      type: entries.length > 0 && entries.every(({ isType }) => isType),
      start,
    })),
    ...staticExports.flatMap(({ entries, start }) => {
      const from = entries.find(({ moduleRequest }) => moduleRequest)?.moduleRequest;
      return from ? [{ name: from.value, type: entries.every(({ isType }) => isType), start }] : [];
    }),
    ...dynamicImports.flatMap(({ moduleRequest, start }) => {
      const [, name] = /^["'`]([^"'`]*)["'`]$/.exec(text.slice(moduleRequest.start, moduleRequest.end)) ?? [];
      return name ? [{ name, type: false, start }] : [];
    }),
  ];
  return entries.map(({ start, ...rest }) => ({ ...rest, line: lineAt(text, start) }));
}

/**
 * @returns {{ comments: { start: number, end: number }[], strings: { start: number, text: string }[],
 *   imports: { name: string, type: boolean, line: number }[], code: string, withStrings: string }}
 *   `code` and `withStrings` keep every line and column; comments are blank in both, strings in `code` only
 */
export function readSource(path, text) {
  const { program, comments, module, errors } = parseSync(path, text, { sourceType: "module" });
  if (errors.length > 0) throw new Error(`${path}: ${errors[0].message}`);
  const strings = stringsIn(program);
  const cover = (source, spans) =>
    spans.reduce(
      (kept, { start, end }) => kept.slice(0, start) + blank(kept.slice(start, end)) + kept.slice(end),
      source,
    );
  const withStrings = cover(text, comments);
  return { comments, strings, imports: importsIn(module, text), withStrings, code: cover(withStrings, strings) };
}
