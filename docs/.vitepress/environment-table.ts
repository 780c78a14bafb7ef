import type { MarkdownRenderer } from "vitepress";
import { envVariables } from "@scale/env";

const PLACEHOLDER = "<!-- environment variables -->";

const code = (text: string): string => `\`${text}\``;

function row({
  setting,
  name,
  aliases,
  description,
  expected,
  default: fallback,
}: (typeof envVariables)[number]): string {
  const also = aliases.length === 0 ? "" : `<br>also ${aliases.map(code).join(", ")}`;
  const without = fallback === undefined ? "" : code(fallback);
  return `| ${code(name)}${also} | ${description} Expected: ${expected}. Read as ${code(setting)}. | ${without} |`;
}

/** Replaces the placeholder with the table of variables before the page is parsed, so that the search index includes it. */
export function environmentTable(md: MarkdownRenderer): void {
  const head = ["| variable | meaning | default |", "|---|---|---|"];
  const table = [...head, ...envVariables.map(row)].join("\n");
  md.core.ruler.before("normalize", "environment-table", (state) => {
    state.src = state.src.replace(PLACEHOLDER, () => table);
  });
}
