// The steps of `npm run check`: builds, then every static check and a short run of the benchmarks side by side, then the
// tests, then a short run of the proofs.
import { mkdirSync, rmSync } from "node:fs";
import { textOf } from "../workspace.mjs";
import { run, stopped } from "./process.mjs";

const results = ".cache/check/vitest.json";
const linters = [
  "lint",
  "format",
  "workspace",
  "unused",
  "layers",
  "rules",
  "voice",
  "references",
  "markdown",
  "spelling",
];
const others = ["generated", "entries", "api", "snippets", "scripts", "benchmarks"];
const rootTasks = (names) => names.map((name) => `check:${name}`);
const turbo = (...tasks) => [
  "turbo",
  "run",
  ...tasks,
  "--continue",
  "--output-logs=errors-only",
  "--log-order=grouped",
];

const steps = [
  // First and alone: root tasks of turbo cannot depend on the builds of all packages.
  { name: "build", command: turbo("build") },
  {
    name: "static checks",
    command: turbo("check:types", "check:pkg", "docs:build", ...rootTasks([...linters, ...others])),
  },
  {
    name: "tests",
    command: ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${results}`],
  },
  { name: "proof smoke", command: [process.execPath, "proofs/dist/main.js", "--smoke"] },
];

const seconds = (since) => `${((performance.now() - since) / 1_000).toFixed(1)} s`;

/** @returns {Promise<number>} 0, or the exit code of the step that failed */
async function inOrder(list) {
  const start = performance.now();
  for (const { name, command } of list) {
    console.log(`\n== ${name}`);
    const since = performance.now();
    const [program, ...args] = command;
    const code = await run(program, args);
    if (code !== 0 || stopped()) {
      const end = stopped() ? "interrupted" : `FAILED with exit code ${code}`;
      console.error(`== ${name}: ${end} after ${seconds(since)}`);
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

export const lint = () => inOrder([{ name: "lint", command: turbo(...rootTasks(linters)) }]);
