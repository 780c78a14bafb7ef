import { execFileSync } from "node:child_process";

/** How every program of Postgres is run. */
export interface Surroundings {
  uid?: number;
  gid?: number;
  env: NodeJS.ProcessEnv;
}

/** Postgres refuses to run as root, so root (containers, CI) runs it as `nobody`, an account that exists everywhere. */
export function surroundings(): Surroundings {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("PG"));
  // Messages in English, which we read; macOS also needs a locale to start at all.
  const env = { ...Object.fromEntries(inherited), LC_ALL: "C", TZ: "UTC" };
  if (process.getuid?.() !== 0) return { env };
  const id = (what: "-u" | "-g"): number => Number(execFileSync("id", [what, "nobody"], { encoding: "utf8" }));
  return { env, uid: id("-u"), gid: id("-g") };
}
