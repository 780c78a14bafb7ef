import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixture, manifest } from "./fixture.mjs";

const files = {
  "packages/core/package.json": {
    ...manifest("core"),
    license: "MIT",
    engines: {},
    repository: {},
    files: [],
    scripts: {},
  },
  "scripts/check/layer-table.mjs": "export const layers = {\n  core: 0,\n  http: 1,\n  cache: 2,\n  nest: 4,\n};\n",
  "README.md":
    "| question | package | what |\n| --- | --- | --- |\n| **Wire** | [`@scale/core`](packages/core/README.md) | core |\n\nEnd.\n",
  "ARCHITECTURE.md": "| layer | package |\n| --- | --- |\n| 0 | [`core`](docs/packages/core.md): core |\n",
  "docs/index.md": "| **Wire** | [`@scale/core`](packages/core.md), [`@scale/http`](packages/http.md) | |\n",
  "docs/reference/events.md": "| `scale:core:plan-fallback` | old | |\n",
};
const create = (...args) => {
  const { root, run } = fixture(files);
  return {
    ...run("generate/package.mjs", ...args),
    read: (path) => readFileSync(join(root, path), "utf8"),
    has: (path) => existsSync(join(root, path)),
  };
};

test("new writes a package with the doors that were asked for, and registers it", () => {
  const { code, output, read, has } = create("fair-queue", "--doors", "redis,next", "--layer", "3");
  assert.equal(code, 0, output);
  const { exports, dependencies } = JSON.parse(read("packages/fair-queue/package.json"));
  assert.deepEqual(Object.keys(exports), [
    ".",
    "./redis",
    "./testing",
    "./http",
    "./fetch",
    "./next",
    "./package.json",
  ]);
  assert.deepEqual(Object.keys(dependencies), ["@scale/core", "@scale/http", "zod"]);
  for (const target of Object.values(exports))
    if (target.default) assert.ok(has(`packages/fair-queue/${target["@scale/source"]}`));
  assert.ok(!has("packages/fair-queue/src/express.ts"));
  assert.match(
    read("packages/fair-queue/src/fair-queue.ts"),
    /export function createFairQueue\(options: FairQueueOptions\)/,
  );
  assert.match(read("scripts/check/layer-table.mjs"), / {2}cache: 2,\n {2}"fair-queue": 3,\n {2}nest: 4,/);
  for (const page of ["README.md", "ARCHITECTURE.md", "docs/index.md"])
    assert.match(read(page), /\[`(?:@scale\/)?fair-queue`\]\(/);
  for (const path of ["docs/packages/fair-queue.md", ".changeset/fair-queue-first.md"]) assert.ok(has(path), path);
  const written = ["README.md", "src/index.ts", "src/redis/store.ts", "src/testing/index.ts"].map((path) =>
    read(`packages/fair-queue/${path}`),
  );
  assert.doesNotMatch(written.join("\n"), /__\w+__/);
});

const refused = {
  "name: expected kebab-case": ["FairQueue"],
  "name: packages/core exists already": ["core"],
  "--layer: expected 1 to 4, got 7": ["queue", "--layer", "7"],
  "--doors: expected some of redis, http, express, fetch, next, got kafka": ["queue", "--doors", "kafka"],
};
for (const [message, args] of Object.entries(refused)) {
  test(`new refuses ${args.join(" ")}`, () => {
    const { code, output } = create(...args);
    assert.equal(code, 1);
    assert.ok(output.includes(message), output);
  });
}
