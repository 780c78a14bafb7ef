// Asks the registry for known holes in what the packages install: fails for one of high or critical severity. Without an
// answer of the registry it says so and passes, because a check must not depend on a service of others.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const TIMEOUT_MS = 60_000;
const SEVERE = new Set(["high", "critical"]);

/**
 * @param {string} output of `pnpm audit --json`
 * @returns {{ answered: boolean, severe: string[] }} a line for each severe hole
 */
export function readAudit(output) {
  let report;
  try {
    report = JSON.parse(output);
  } catch {
    return { answered: false, severe: [] };
  }
  if (typeof report !== "object" || report === null || report.metadata === undefined)
    return { answered: false, severe: [] };
  const severe = Object.values(report.advisories ?? {})
    .filter(({ severity }) => SEVERE.has(severity))
    .map(
      ({ module_name: name, severity, vulnerable_versions: versions, title, url }) =>
        `${name} ${versions}: ${severity}: ${title} ${url}`,
    );
  return { answered: true, severe };
}

/** The pnpm that the build has fetched, or the one on PATH. */
function pnpm() {
  const cache = fileURLToPath(new URL("../../.cache/pnpm/", import.meta.url));
  const fetched = existsSync(cache) ? readdirSync(cache).map((name) => `${cache}${name}/node_modules/.bin/pnpm`) : [];
  return fetched.findLast((path) => existsSync(path)) ?? "pnpm";
}

function main() {
  const { stdout, error } = spawnSync(pnpm(), ["audit", "--prod", "--json"], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 2 ** 26,
  });
  const { answered, severe } = readAudit(stdout ?? "");
  if (!answered) console.log(`audit: not checked, the registry did not answer${error ? ` (${error.message})` : ""}`);
  else if (severe.length === 0) console.log("audit: no known hole of high severity");
  for (const line of severe) console.error(`audit: ${line}`);
  if (severe.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
