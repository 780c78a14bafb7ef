import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import type { Line, SectionOptions } from "@scale/testkit";
import { line } from "../bound.js";
import { nodeBinary } from "./node-binary.js";

/** Release lines beside the one that develops the packages. */
const LINES = ["22", "24", "26"];

/** Longer than any run of the suite: a test that hangs must not hang the proof. */
const LONGEST_MS = 30 * 60_000;

interface Report {
  readonly numTotalTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
  readonly testResults: readonly { readonly name: string }[];
}

/** Does every test of every package pass on each supported line of Node? */
export async function* nodeMatrix({ smoke }: SectionOptions): AsyncIterable<Line> {
  if (smoke) yield* judged(process.version, runTests(process.execPath, ["--project", "@scale/http", "headers"]));
  for (const release of smoke ? [] : LINES) {
    const node = resolve(await nodeBinary(release));
    const tests = runTests(node, []);
    yield* judged(`Node ${release}`, tests);
    const missed = untested(await tests).length;
    yield line({
      proof: `node-matrix: Node ${release}, packages without a test`,
      unit: "packages",
      value: missed,
      bound: { atMost: 0 },
    });
  }
}

async function* judged(release: string, tests: Promise<Report>): AsyncIterable<Line> {
  const { numTotalTests, numFailedTests, numFailedTestSuites } = await tests;
  const failed = numFailedTests + numFailedTestSuites;
  yield line({ proof: `node-matrix: ${release}, tests`, unit: "tests", value: numTotalTests, bound: { atLeast: 1 } });
  yield line({ proof: `node-matrix: ${release}, failed`, unit: "tests", value: failed, bound: { atMost: 0 } });
}

/** Packages of which no test file ran. */
function untested({ testResults }: Report): readonly string[] {
  const folders = readdirSync("packages").map((name) => join("packages", name));
  const packages = folders.filter((folder) => existsSync(join(folder, "package.json")));
  return packages.filter((folder) => !testResults.some(({ name }) => name.includes(`/${folder}/`)));
}

/** Runs the suite with a Node, which its child processes find on PATH too. Failures are printed to stderr. */
async function runTests(node: string, filters: readonly string[]): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "node-matrix-"));
  const report = join(folder, "report.json");
  try {
    const args = ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...filters];
    await ended(node, [join("node_modules", "vitest", "vitest.mjs"), ...args]);
    return JSON.parse(readFileSync(report, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function ended(node: string, args: readonly string[]): Promise<void> {
  const PATH = `${dirname(node)}${delimiter}${process.env["PATH"] ?? ""}`;
  const child = spawn(node, args, { env: { ...process.env, PATH }, stdio: ["ignore", 2, 2], timeout: LONGEST_MS });
  return new Promise((done, failed) => {
    // A run with failed tests ends with 1, and its report has them.
    child.once("error", failed).once("close", () => done());
  });
}
