import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { workspaceRoots } from "../process/workspace-roots.js";
import { ServerError } from "../server-error.js";

export interface RedisProgram {
  readonly name: "redis" | "valkey";
  readonly path: string;
  readonly version: string;
}

let found: { asked: string; program: RedisProgram | undefined } | undefined;

/**
 * The first server program that runs here; `undefined` when there is none.
 * Looks at `SCALE_TEST_REDIS` (a program's path, or the name of a server that `scripts/bootstrap/redis.mjs` fetched), then at
 * `redis-server` and `valkey-server` on PATH, then at the servers that were fetched.
 * @throws {ServerError} when `SCALE_TEST_REDIS` names a program that does not run: a typo must not skip tests
 */
export function findRedis(): RedisProgram | undefined {
  const asked = process.env["SCALE_TEST_REDIS"] ?? "";
  if (found?.asked === asked) return found.program;
  const program = asked === "" ? search() : named(asked);
  found = { asked, program };
  return program;
}

/** @throws {ServerError} that says how to get one */
export function requireRedis(): RedisProgram {
  const program = findRedis();
  if (program) return program;
  throw new ServerError(
    "no Redis server program found: install redis-server (apt, brew), run `node scripts/bootstrap/redis.mjs`, or set SCALE_TEST_REDIS to a program",
  );
}

function named(asked: string): RedisProgram {
  const paths = asked.includes("/") ? [asked] : fetchFolders().map((folder) => join(folder, asked, "redis-server"));
  for (const path of paths) {
    const program = probe(path);
    if (program) return program;
  }
  throw new ServerError(`SCALE_TEST_REDIS is ${asked}, which does not run; looked at ${paths.join(", ") || "nothing"}`);
}

function search(): RedisProgram | undefined {
  const fetched = fetchFolders().flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => !name.startsWith(".")) // A fetch that is under way.
      .sort()
      .map((name) => join(folder, name, "redis-server")),
  );
  for (const path of ["redis-server", "valkey-server", ...fetched]) {
    const program = probe(path);
    if (program) return program;
  }
  return undefined;
}

/** Asks the program itself: one that is there may still lack a library. */
function probe(path: string): RedisProgram | undefined {
  const { status, stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 5_000 });
  if (status !== 0) return undefined;
  const [, name = "", version = "?"] = /^(\w+) server v=(\S+)/i.exec(stdout) ?? [];
  return { name: name.toLowerCase() === "valkey" ? "valkey" : "redis", path, version };
}

/** `.cache/redis` of the workspaces. */
function fetchFolders(): string[] {
  return workspaceRoots()
    .map((root) => join(root, ".cache/redis"))
    .filter((folder) => existsSync(folder));
}
