import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ServerError } from "../server-error.js";
import { workspaceRoots } from "./workspace-roots.js";

export type FoundProgram =
  | { readonly is: "found"; readonly path: string }
  /** `reason` is one line, for `ctx.skip(reason)`. */
  | { readonly is: "missing"; readonly reason: string };

const FETCH_TIMEOUT_MS = 120_000;

/**
 * Finds a program that `scripts/bootstrap/programs.mjs` knows: on PATH, or in `.cache/debian`, into which it is fetched on
 * the first call.
 * @throws {ServerError} when there is none and CI is "true"
 */
export function findProgram(name: string): FoundProgram {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const installed = [...folders, "/usr/sbin"].map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (installed !== undefined) return { is: "found", path: installed };
  const roots = workspaceRoots();
  const fetched = (): string | undefined =>
    roots.map((root) => join(root, ".cache/debian", name, "run")).find((path) => existsSync(path));
  const reason = fetched() === undefined ? fetch(name, roots) : undefined;
  const path = fetched();
  if (path !== undefined) return { is: "found", path };
  if (process.env["CI"] === "true") throw new ServerError(`no ${name} found: ${reason}`);
  return { is: "missing", reason: `no ${name} found: ${reason}` };
}

/** @returns the reason of a failure */
function fetch(name: string, [root]: readonly string[]): string | undefined {
  if (root === undefined) return "this is no workspace";
  const script = join(root, "scripts/bootstrap/programs.mjs");
  const { status, stderr, error } = spawnSync(process.execPath, [script, name], {
    cwd: root,
    encoding: "utf8",
    timeout: FETCH_TIMEOUT_MS,
  });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim().split("\n").at(-1) ?? "it could not be fetched";
}
