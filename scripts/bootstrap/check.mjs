// The steps of `npm run check`, in order. The first that fails ends it.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { run, stopped } from "./process.mjs";
import { files, textOf } from "../workspace.mjs";

const results = ".cache/check/vitest.json";
const script = (name, ...args) => [process.execPath, `scripts/${name}.mjs`, ...args];
const turbo = (task) => ["turbo", "run", task, "--output-logs=errors-only"];
const selfTests = () => [
  process.execPath,
  "--test",
  "--test-concurrency=2",
  "--test-reporter=spec",
  ...files("scripts/test").filter((path) => path.endsWith(".test.mjs")),
];
const vitest = ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${results}`];

const linters = [
  { name: "oxlint", command: ["oxlint", "--type-aware", "--deny-warnings"] },
  { name: "format", command: ["biome", "format", "."] },
  { name: "sherif", command: ["sherif", "--fail-on-warnings"] },
  { name: "knip", command: ["knip"] },
  { name: "layers", command: script("check/layers") },
  { name: "rules", command: script("check/rules") },
];

/** `needs` is a file that is part of the repository as soon as there is something to check. */
const steps = [
  { name: "build", command: turbo("build") },
  { name: "Lua scripts", command: script("generate/lua", "--check") },
  { name: "environment examples", command: script("generate/env", "--check") },
  { name: "types", command: turbo("types") },
  ...linters,
  { name: "packages", command: turbo("check:pkg") },
  { name: "entries", command: script("check/entries") },
  { name: "api", command: script("generate/api") },
  { name: "docs snippets", command: script("check/snippets") },
  { name: "docs site", command: turbo("docs:build"), needs: "docs/.vitepress/config.ts" },
  { name: "scripts", command: selfTests },
  { name: "tests", command: vitest },
  {
    name: "bench smoke",
    command: [process.execPath, "benchmarks/dist/main.js", "--smoke"],
    needs: "benchmarks/src/main.ts",
  },
  { name: "proof smoke", command: [process.execPath, "proofs/dist/main.js", "--smoke"], needs: "proofs/src/main.ts" },
];

const seconds = (since) => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

/** @returns {Promise<number>} 0, or the exit code of the step that failed */
async function inOrder(list) {
  const start = performance.now();
  for (const { name, command, needs } of list) {
    if (needs && !existsSync(needs)) {
      console.log(`\n== ${name}: skipped, there is no ${needs}`);
      continue;
    }
    console.log(`\n== ${name}`);
    const since = performance.now();
    const [program, ...args] = typeof command === "function" ? command() : command;
    const code = await run(program, args);
    if (code !== 0 || stopped()) {
      console.error(
        `== ${name}: ${stopped() ? "interrupted" : `FAILED with exit code ${code}`} after ${seconds(since)}`,
      );
      return code || 130;
    }
    console.log(`== ${name}: ok, ${seconds(since)}`);
  }
  console.log(`\n== all ${list.length} steps in ${seconds(start)}`);
  return 0;
}

/** The counts of the tests, if they ran. A test file that could not be loaded counts as one failed test. */
function printCounts() {
  const text = textOf(results);
  if (text === "") return;
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(text);
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  console.log(`${testResults.length} test files, ${numPendingTests} tests skipped`);
  console.log(`${numPassedTests} passed, ${numFailedTests + broken.length} failed`);
}

export async function check() {
  rmSync(results, { force: true });
  mkdirSync(".cache/check", { recursive: true });
  const code = await inOrder(steps);
  printCounts();
  return code;
}

export const lint = () => inOrder(linters);
