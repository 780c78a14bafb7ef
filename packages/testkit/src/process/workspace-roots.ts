import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The workspace around the current folder and the one around this module: one folder, or two, or none. */
export function workspaceRoots(): string[] {
  const starts = [process.cwd(), dirname(fileURLToPath(import.meta.url))];
  return [...new Set(starts.map((from) => rootAbove(from)).filter((root) => root !== undefined))];
}

function rootAbove(from: string): string | undefined {
  if (existsSync(join(from, "pnpm-workspace.yaml"))) return from;
  const above = dirname(from);
  return above === from ? undefined : rootAbove(above);
}
