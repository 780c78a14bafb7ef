import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { run } from "../process/run.js";
import { guardFolder, releaseFolder } from "../process/watchdog.js";
import { ServerError } from "../server-error.js";
import type { Surroundings } from "./account.js";

const INITDB = ["-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"];
/** Holds the number of files, written last: a copy that the system's cleaner has thinned out is made anew. */
const COUNT = ".files";
/** Holds the password of the superuser, for the account that made the template and the one that runs Postgres. */
const PASSWORD = ".password";

export interface Stage {
  /** Programs that run here. */
  bin: string;
  /** A data folder fresh from `initdb`, to be copied. */
  template: string;
  /** Password of the superuser. Every account of the machine reaches loopback, and a superuser runs programs. */
  password: string;
}

const stages = new Map<string, Promise<Stage>>();

/**
 * Prepares, once for each version, what every start needs, in a folder of the system's temporary folder that stays.
 *
 * The programs of the npm package are copied there for two reasons. Their library links are left to an install script, which
 * pnpm does not run. And they must be reachable for the account that they run as, which a checkout in a home is not.
 */
export function stage(bin: string, around: Surroundings): Promise<Stage> {
  const key = join(tmpdir(), bin);
  const known = stages.get(key);
  if (known) return known;
  const made = prepare(bin, around);
  stages.set(key, made);
  // The next start tries again, whatever the reason was.
  made.catch(() => stages.delete(key));
  return made;
}

async function prepare(bin: string, around: Surroundings): Promise<Stage> {
  const isPackage = existsSync(join(bin, "../pg-symlinks.json"));
  const folder = await ownFolder(bin, isPackage);
  const staged = isPackage ? join(await once(folder, "native", (half) => copyPackage(dirname(bin), half)), "bin") : bin;
  const template = await once(folder, "template", async (half) => {
    const password = randomBytes(24).toString("base64url");
    await initData(staged, half, { around, password });
    await writeSecret(join(half, PASSWORD), password, around);
  });
  return { bin: staged, template, password: await readFile(join(template, PASSWORD), "utf8") };
}

/** Runs `initdb` in an empty folder. */
export async function initData(
  bin: string,
  folder: string,
  { around, password }: { readonly around: Surroundings; readonly password: string },
): Promise<void> {
  await own(folder, around);
  // Beside the folder, which has to be empty.
  const file = `${folder}${PASSWORD}`;
  try {
    await writeSecret(file, password, around);
    await run(join(bin, "initdb"), ["-D", folder, `--pwfile=${file}`, ...INITDB], { ...around, cwd: folder });
  } catch (error) {
    if (!/EACCES/.test(String(error))) throw error;
    throw new ServerError(
      `${bin} cannot be run: set TMPDIR to a folder that every account can enter and run programs from`,
      {
        cause: error,
      },
    );
  } finally {
    await rm(file, { force: true });
  }
}

/** Writes a file that only the account of Postgres can read. @throws when there is one: another account may have put it there */
async function writeSecret(file: string, text: string, around: Surroundings): Promise<void> {
  await writeFile(file, text, { mode: 0o600, flag: "wx" });
  await own(file, around);
}

async function own(path: string, { uid, gid }: Surroundings): Promise<void> {
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
}

/** @throws {ServerError} when another user could have put programs there */
async function ownFolder(bin: string, isPackage: boolean): Promise<string> {
  const { size } = await lstat(join(bin, "postgres"));
  const key = [isPackage ? "package" : bin, size, process.getuid?.(), ...INITDB].join("\n");
  const folder = join(tmpdir(), `scale-postgres-${createHash("sha256").update(key).digest("hex").slice(0, 12)}`);
  await mkdir(folder, { recursive: true });
  const found = await lstat(folder);
  const isOurs = found.isDirectory() && (process.getuid === undefined || found.uid === process.getuid());
  if (!isOurs) throw new ServerError(`${folder} belongs to another account: remove it, or set TMPDIR`);
  await chmod(folder, 0o755);
  return folder;
}

/** Makes `folder/name` unless it is there and whole. When several processes make it at once, the first to finish wins. */
async function once(folder: string, name: string, make: (half: string) => Promise<void>): Promise<string> {
  const whole = join(folder, name);
  if (await isWhole(whole)) return whole;
  const half = await mkdtemp(join(folder, `scale-${name}-`));
  guardFolder(half);
  try {
    await make(half);
    await writeFile(join(half, COUNT), `${await countFiles(half)}`);
    await rename(half, whole).catch(async (error: unknown) => {
      if (await isWhole(whole)) return;
      await rm(whole, { recursive: true, force: true });
      await rename(half, whole).catch(() => {
        throw error;
      });
    });
  } finally {
    await rm(half, { recursive: true, force: true });
    releaseFolder(half);
  }
  return whole;
}

async function isWhole(folder: string): Promise<boolean> {
  const expected = await readFile(join(folder, COUNT), "utf8").catch(() => undefined);
  return expected !== undefined && Number(expected) === (await countFiles(folder)) - 1;
}

async function countFiles(folder: string): Promise<number> {
  return (await readdir(folder, { recursive: true })).length;
}

async function copyPackage(native: string, half: string): Promise<void> {
  await run("cp", ["-R", `${native}/.`, half]);
  const text = await readFile(join(half, "pg-symlinks.json"), "utf8");
  for (const link of JSON.parse(text) as { source: string; target: string }[]) {
    const path = join(half, relative("native", link.target));
    if (!existsSync(path)) await symlink(relative(dirname(link.target), link.source), path);
  }
  await run("chmod", ["-R", "go+rX", half]);
}
