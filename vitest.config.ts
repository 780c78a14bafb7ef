import { existsSync, readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

const here = (path: string): string => new URL(path, import.meta.url).pathname;
// Tests run on sources: this condition stands first in every package's exports.
const conditions = ["@scale/source"];

const folders = [
  ...["packages", "examples"].flatMap((group) => readdirSync(here(group)).map((name) => `${group}/${name}`)),
  "benchmarks",
  "proofs",
].filter((folder) => existsSync(here(`${folder}/package.json`)));

export default defineConfig({
  test: {
    // At the root, so that one Redis and one Postgres serve the whole run.
    globalSetup: [here("packages/testkit/src/vitest-global.ts")],
    projects: folders.map((folder) => ({
      root: here(folder),
      resolve: { conditions },
      ssr: { resolve: { conditions, externalConditions: conditions } },
      test: {
        name: folder.replace("packages/", "@scale/"),
        include: ["src/**/*.test.ts"],
        testTimeout: 30_000,
        hookTimeout: 60_000,
      },
    })),
  },
});
