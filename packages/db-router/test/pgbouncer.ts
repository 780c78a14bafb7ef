import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Daemon, freePort, startDaemon } from "@scale/testkit";

const cache = fileURLToPath(new URL("../../../.cache/pgbouncer", import.meta.url));
const PACKAGES = ["pgbouncer", "libevent-2.1-7", "libc-ares2"];

interface Program {
  readonly path: string;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Finds PgBouncer in `SCALE_TEST_PGBOUNCER`, in PATH, or downloads it from the Debian archive into `.cache/pgbouncer`, without
 * root. Returns `undefined` and emits a warning when that is not possible.
 */
export function findPgBouncer(): Program | undefined {
  const fetched = { path: join(cache, "root/usr/sbin/pgbouncer"), env: { LD_LIBRARY_PATH: libraries() } };
  const known = [process.env["SCALE_TEST_PGBOUNCER"] ?? "", "pgbouncer", "/usr/sbin/pgbouncer"]
    .filter((path) => path !== "")
    .map((path) => ({ path, env: {} }));
  for (const program of [...known, fetched]) if (runs(program)) return program;
  const refusal = fetch();
  fetched.env.LD_LIBRARY_PATH = libraries();
  if (refusal === undefined && runs(fetched)) return fetched;
  process.emitWarning(`Tests that need PgBouncer are skipped: ${refusal ?? "the Debian build does not run here"}`);
  return undefined;
}

function runs({ path, env }: Program): boolean {
  return spawnSync(path, ["--version"], { env: { ...process.env, ...env }, timeout: 5_000 }).status === 0;
}

function libraries(): string {
  const folder = join(cache, "root/usr/lib");
  if (!existsSync(folder)) return folder;
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .join(":");
}

/** @returns the reason of a failure */
function fetch(): string | undefined {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, ".fetch-"));
  const run = (command: string, args: string[]): string | undefined => {
    const { status, stderr, error } = spawnSync(command, args, { cwd: work, encoding: "utf8", timeout: 60_000 });
    if (status === 0) return undefined;
    return `${command}: ${error?.message ?? stderr.trim().split("\n").at(-1) ?? "failed"}`;
  };
  try {
    const failed = run("apt-get", ["-qq", "-o", "APT::Sandbox::User=", "download", ...PACKAGES]);
    if (failed !== undefined) return failed;
    for (const deb of readdirSync(work)) {
      const broken = run("dpkg", ["-x", deb, "root"]);
      if (broken !== undefined) return broken;
    }
    // Last, so that an interrupted download never looks complete.
    if (!existsSync(join(cache, "root"))) renameSync(join(work, "root"), join(cache, "root"));
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

export interface PgBouncer {
  /** URL of a database by the name of its node. */
  urlOf(node: string): string;
  stop(): Promise<void>;
}

/** One PgBouncer in transaction mode in front of servers, by name and URL. */
export async function startPgBouncer(
  { path, env }: Program,
  servers: Readonly<Record<string, string>>,
): Promise<PgBouncer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "scale-pgbouncer-"));
  chmodSync(folder, 0o755);
  const lines = Object.entries(servers).map(([name, url]) => {
    const { port: at, username, password } = new URL(url);
    return `${name} = host=127.0.0.1 port=${at} dbname=postgres user=${username} password=${password}`;
  });
  const settings = [
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = any",
    "pool_mode = transaction",
    "default_pool_size = 4",
    "max_client_conn = 200",
    "ignore_startup_parameters = extra_float_digits",
  ];
  const file = join(folder, "pgbouncer.ini");
  writeFileSync(file, ["[databases]", ...lines, "[pgbouncer]", ...settings, ""].join("\n"), { mode: 0o600 });
  // PgBouncer reads the file before it becomes another account. It refuses to run as root.
  const account = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  const daemon: Daemon = await startDaemon(path, {
    args: [...account, file],
    ready: /process up/,
    env: { ...process.env, ...env },
    cwd: folder,
  });
  return {
    urlOf: (node) => `postgres://postgres@127.0.0.1:${port}/${node}`,
    stop: async () => {
      await daemon.stop("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
