// The one entry to every task, from a bare clone on: `npm start`, `npm test`, `npm run <task> [-- args]`.
// Plain JavaScript without dependencies, because it runs before anything is installed.
import { fileURLToPath } from "node:url";
import { check, lint } from "./check.mjs";
import { run, stopped } from "./process.mjs";
import { isSetupError, setup } from "./setup.mjs";

const turbo = (task, filter) => [
  "turbo",
  "run",
  task,
  "--output-logs=errors-only",
  ...(filter ? [`--filter=${filter}...`] : []),
];
const node = (...args) => [process.execPath, ...args];

const inTurn = async (commands) => {
  for (const [command, ...args] of commands) {
    const code = await run(command, args);
    if (code !== 0 || stopped()) return code || 130;
  }
  return 0;
};

/** Writes all that is generated. */
const update = () =>
  inTurn([
    node("scripts/generate/lua.mjs"),
    node("scripts/generate/page.mjs"),
    ["biome", "format", "--write", "."],
    turbo("build"),
    node("scripts/generate/env.mjs"),
    node("scripts/generate/metrics.mjs"),
    node("scripts/generate/api.mjs", "--update"),
  ]);

/** A new package: its files, its place in the lockfile, and what is generated from it. */
async function create(args) {
  const install = ["pnpm", "install", "--no-frozen-lockfile", "--prefer-offline"];
  return (await inTurn([node("scripts/generate/package.mjs", ...args), install])) || update();
}

/** A task is a list of commands, of which the last gets the arguments; or a function that returns the exit code. */
const tasks = {
  start: {
    redis: true,
    commands: [turbo("build", "example-express-saas"), node("examples/express-saas/dist/main.js")],
  },
  test: { redis: true, commands: [turbo("check:types"), ["vitest", "run"]] },
  check: { redis: true, commands: check },
  bench: { redis: true, commands: [turbo("build", "@scale/benchmarks"), node("benchmarks/dist/main.js")] },
  proof: { redis: true, commands: [turbo("build", "@scale/proofs"), node("proofs/dist/main.js")] },
  build: { commands: [turbo("build")] },
  types: { commands: [turbo("check:types")] },
  lint: { commands: lint },
  docs: { commands: [turbo("docs:build")] },
  update: { commands: update },
  new: { commands: create },
};

async function perform({ redis = false, commands }, args) {
  await setup({ redis });
  if (typeof commands === "function") return commands(args);
  let code = 0;
  for (const [index, [command, ...fixed]] of commands.entries()) {
    const last = index === commands.length - 1;
    // Output of earlier commands must not mix with that of the last one: `npm run bench -- --json` is read by programs.
    code = await run(command, last ? [...fixed, ...args] : fixed, last ? {} : { stdout: "stderr" });
    if (code !== 0) break;
    if (stopped() && !last) return 130;
  }
  return code;
}

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));
const [name, ...args] = process.argv.slice(2);
if (Object.hasOwn(tasks, name ?? "")) {
  try {
    process.exitCode = await perform(tasks[name], args);
  } catch (error) {
    if (!isSetupError(error)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = 1;
  }
} else {
  console.error(`Tasks: ${Object.keys(tasks).join(", ")}`);
  process.exitCode = 1;
}
