// Prepares a machine that has only Node and npm for a task: the pinned pnpm, the dependencies, Redis.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { run } from "./process.mjs";
import { textOf } from "../workspace.mjs";

class SetupError extends Error {}

const onPath = (program) => process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, program)));
const prependPath = (folder) => {
  process.env.PATH = `${resolve(folder)}${delimiter}${process.env.PATH}`;
};

async function must(command, args, env = {}) {
  const code = await run(command, args, { stdout: "stderr", env });
  if (code !== 0) throw new SetupError(`${command} ${args.join(" ")} ended with ${code}`);
}

/**
 * Puts exactly the pnpm of `packageManager` on PATH, for us and for turbo and publint, which start it by name. It is kept
 * in .cache: npx takes more than a second each time, and corepack is neither everywhere nor trusts every registry.
 */
async function providePnpm() {
  const [, version, sha512] = /^pnpm@([^+]+)\+sha512\.(\w+)$/.exec(JSON.parse(textOf("package.json")).packageManager);
  const home = `.cache/pnpm/${version}`;
  if (!existsSync(home)) {
    mkdirSync(".cache/pnpm", { recursive: true });
    const half = mkdtempSync(".cache/pnpm/.half-");
    try {
      const flags = [
        "--no-save",
        "--no-package-lock",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefer-offline",
      ];
      await must("npm", ["install", "--prefix", half, ...flags, `pnpm@${version}`]);
      const lock = JSON.parse(textOf(`${half}/node_modules/.package-lock.json`));
      const expected = `sha512-${Buffer.from(sha512, "hex").toString("base64")}`;
      const { integrity } = lock.packages["node_modules/pnpm"];
      if (integrity !== expected)
        throw new SetupError(`pnpm ${version} is ${integrity}, package.json pins ${expected}`);
      // Last, so that an interrupted install never looks like a whole one; another run may have been first.
      if (!existsSync(home)) renameSync(half, home);
    } finally {
      rmSync(half, { recursive: true, force: true });
    }
  }
  prependPath(`${home}/node_modules/.bin`);
}

async function installDependencies() {
  if (textOf("pnpm-lock.yaml") === textOf("node_modules/.pnpm/lock.yaml")) return;
  // CI: pnpm must not ask whether it may replace a node_modules of another store.
  await must("pnpm", ["install", "--frozen-lockfile", "--prefer-offline"], { CI: "true" });
}

async function provideRedis() {
  const cached = existsSync(".cache/redis") ? readdirSync(".cache/redis") : [];
  const have =
    process.env.SCALE_TEST_REDIS ||
    ["redis-server", "valkey-server"].some(onPath) ||
    cached.some((name) => existsSync(`.cache/redis/${name}/redis-server`));
  // A failed fetch has printed its reason; the tests that need the server report that it is missing.
  if (!have && existsSync("scripts/bootstrap/redis.mjs"))
    await run(process.execPath, ["scripts/bootstrap/redis.mjs"], { stdout: "stderr" });
}

/** @throws {SetupError} with a message for people */
export async function setup({ redis }) {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new SetupError(`Node 20.19 or newer is needed; this is ${process.version}`);
  }
  process.env.TURBO_TELEMETRY_DISABLED = "1";
  await providePnpm();
  await installDependencies();
  if (redis) await provideRedis();
  prependPath("node_modules/.bin");
}

export const isSetupError = (error) => error instanceof SetupError;
