import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const here = (path: string): string => new URL(path, import.meta.url).pathname;
// Tests run on sources: this condition stands first in every package's exports.
const conditions = ["@scale/source"];

const folders = [
  ...["examples", "packages"].flatMap((group) => readdirSync(here(group)).map((name) => `${group}/${name}`)),
  "benchmarks",
  "proofs",
].filter((folder) => existsSync(here(`${folder}/package.json`)));
const nameOf = (folder: string): string => folder.replace("packages/", "@scale/");

/** Test files of these projects start programs and servers that must not meet in one worker. */
const isolated = new Set(["@scale/testkit", "examples/express-saas"]);
/** Tests that measure latencies, throughput or the heap, and would measure the other files that run beside them too. */
const ALONE = "src/**/*.alone.test.ts";
const isAlone = (path: string | Buffer): boolean => String(path).endsWith(".alone.test.ts");

/** Project after project, because a worker is kept only while the next file is of the same project. */
class ByProject extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const order = folders.map(nameOf);
    const rank = ({ project }: TestSpecification): number => order.indexOf(project.name);
    return (await super.sort(specs)).toSorted((a, b) => rank(a) - rank(b));
  }
}

interface Files {
  readonly include: string[];
  readonly exclude?: string[];
  readonly alone?: boolean;
}

function project(folder: string, { include, exclude = [], alone = false }: Files) {
  return {
    root: here(folder),
    resolve: { conditions },
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      name: alone ? `${nameOf(folder)} alone` : nameOf(folder),
      include,
      exclude,
      isolate: alone || isolated.has(nameOf(folder)),
      testTimeout: 30_000,
      hookTimeout: 60_000,
      ...(alone && { maxWorkers: 1, sequence: { groupOrder: 1 } }),
    },
  };
}

export default defineConfig({
  test: {
    // At the root, so that one Redis and one Postgres serve the whole run.
    globalSetup: [here("packages/testkit/src/vitest-global.ts")],
    // Many tests wait for servers and for time: on two cores, three files at once keep both busy.
    maxWorkers: Math.max(3, availableParallelism()),
    sequence: { sequencer: ByProject },
    projects: [
      ...folders.map((folder) => project(folder, { include: ["src/**/*.test.ts"], exclude: [ALONE] })),
      ...folders
        .filter((folder) => readdirSync(here(`${folder}/src`), { recursive: true }).some(isAlone))
        .map((folder) => project(folder, { include: [ALONE], alone: true })),
    ],
  },
});
