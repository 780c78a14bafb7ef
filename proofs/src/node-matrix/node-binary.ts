import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/**
 * Returns the path of the newest Node of a release line. Its binary is a package of the npm registry, and stays in `.cache`
 * until a newer version of the line is published.
 * @param line major version: `"24"`
 */
export async function nodeBinary(line: string): Promise<string> {
  const name = `node-${process.platform}-${process.arch}`;
  const version = await newestVersion(name, line);
  const home = join(".cache", "node", version);
  if (!existsSync(home)) await install(`${name}@${version}`, home);
  return join(home, "node_modules", name, "bin", "node");
}

async function newestVersion(name: string, line: string): Promise<string> {
  const { stdout } = await execute("npm", ["view", `${name}@${line}`, "version", "--json"]);
  // One version is a string, and several are a list in ascending order.
  const found = JSON.parse(stdout) as string | string[];
  const newest = typeof found === "string" ? found : found.at(-1);
  if (newest === undefined) throw new Error(`expected a version of ${name} ${line} in the npm registry, got none`);
  return newest;
}

async function install(what: string, home: string): Promise<void> {
  mkdirSync(join(home, ".."), { recursive: true });
  const half = mkdtempSync(join(home, "..", ".half-"));
  try {
    const flags = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
    await execute("npm", ["install", "--prefix", half, ...flags, what]);
    // Last, so that an interrupted install never looks like a whole one; another run may have been first.
    if (!existsSync(home)) renameSync(half, home);
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
}
