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

/** Test files of these projects keep no state in modules, processes or servers: they share a worker and its imports. */
const shared = new Set(["core", "env", "http", "nest", "pagination"].map((name) => `@scale/${name}`));

/** Project after project, because a worker is kept only while the next file is of the same project. */
class ByProject extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const order = folders.map(nameOf);
    const rank = ({ project }: TestSpecification): number => order.indexOf(project.name);
    return (await super.sort(specs)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    // At the root, so that one Redis and one Postgres serve the whole run.
    globalSetup: [here("packages/testkit/src/vitest-global.ts")],
    // Many tests wait for servers and for time: on two cores, three files at once keep both busy.
    maxWorkers: Math.max(3, availableParallelism()),
    sequence: { sequencer: ByProject },
    projects: folders.map((folder) => ({
      root: here(folder),
      resolve: { conditions },
      ssr: { resolve: { conditions, externalConditions: conditions } },
      test: {
        name: nameOf(folder),
        include: ["src/**/*.test.ts"],
        isolate: !shared.has(nameOf(folder)),
        testTimeout: 30_000,
        hookTimeout: 60_000,
      },
    })),
  },
});
