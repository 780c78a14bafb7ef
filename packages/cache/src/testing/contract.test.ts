import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { startVitest } from "vitest/node";
import { brokenStores } from "../../test/broken-stores.js";
import { modelStores } from "../../test/model-store.js";
import { describeCacheStore } from "./index.js";

describeCacheStore("model", () => ({ stores: modelStores(400) }));

/** Runs the contract over all broken stores. @returns the titles of the failed tests, by store */
async function failedTests(): Promise<Map<string, string[]>> {
  const conditions = ["@scale/source"];
  const { exitCode } = process;
  const vitest = await startVitest(
    "test",
    [],
    {
      config: false,
      root: fileURLToPath(new URL("../..", import.meta.url)),
      include: ["test/broken-stores.spec.ts"],
      maxWorkers: 1,
      reporters: [{}],
      watch: false,
    },
    { resolve: { conditions }, ssr: { resolve: { conditions, externalConditions: conditions } } },
  );
  const failed = new Map<string, string[]>();
  for (const module of vitest.state.getTestModules()) {
    for (const test of module.children.allTests("failed")) {
      const [, store = ""] = /^CacheStore: (.*?) > /.exec(test.fullName) ?? [];
      failed.set(store, [...(failed.get(store) ?? []), test.name]);
    }
  }
  await vitest.close();
  // The failures that are wanted here do not fail this process.
  process.exitCode = exitCode;
  return failed;
}

describe("describeCacheStore", () => {
  let failed = new Map<string, string[]>();
  beforeAll(async () => {
    failed = await failedTests();
  }, 120_000);

  it.each(Object.entries(brokenStores))("fails a store that %s", (name, { fails }) => {
    expect(failed.get(name)).toContain(fails);
  });
});
