import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture, manifest } from "./fixture.mjs";

const table = (layers) => ({
  "scripts/check/layer-table.mjs": `export const layers = ${JSON.stringify(layers)};
export const privatePackages = ["testkit"];
export const httpFiles = /^(?:http|express|fetch|next|testing)(?:\\.ts$|\\/)/;
export const libraries = { zod: /^/, ioredis: /\\/src\\/redis\\//, "lru-cache": /^cache\\// };
`,
});
const known = { core: 0, http: 1, cache: 2, breaker: 2, queue: 2 };
const others = (...names) => Object.fromEntries(names.map((name) => [`packages/${name}/package.json`, manifest(name)]));

const cache = (source, { file = "index.ts", ...more } = {}) =>
  fixture({
    ...table(known),
    ...others("core", "http", "breaker", "queue"),
    "packages/cache/package.json": manifest("cache", {
      dependencies: { "@scale/core": "workspace:^", "@scale/http": "workspace:^", zod: "catalog:" },
      ...more,
    }),
    [`packages/cache/src/${file}`]: source,
    "packages/cache/src/index.test.ts": 'import { startRedis } from "@scale/testkit";\n',
  }).run("check/layers.mjs");

test("layers accepts what the table allows", () => {
  const source = `import { z } from "zod";\nimport { x } from "@scale/core/redis";\nimport { y } from "./y.js";
// import { a } from "@scale/queue";\nexport const text = 'import { a } from "@scale/queue";';\n`;
  assert.deepEqual(cache(source), { code: 0, output: "layers: 5 packages\n" });
  assert.equal(cache('import type { Verdict } from "@scale/http";', { file: "express.ts" }).code, 0);
});

test("layers refuses every import that the table does not allow, and says where", () => {
  const bad = {
    'import { b } from "@scale/breaker";': "cache (layer 2) may not import breaker (layer 2)",
    'export type { B } from "@scale/breaker";': "cache (layer 2) may not import breaker (layer 2)",
    'export const b = () => import("@scale/breaker");': "cache (layer 2) may not import breaker (layer 2)",
    'import { problem } from "@scale/http";':
      "only http, express.ts, fetch.ts, next and testing may import @scale/http",
    'import { startRedis } from "@scale/testkit";': "@scale/testkit is private: only tests import it",
    'import { a } from "@scale/news";': "@scale/news is not in the layer table",
    'import { a } from "left-pad";': "left-pad is not in scripts/check/layer-table.mjs",
    'import type { Redis } from "ioredis";':
      "ioredis is for /\\/src\\/redis\\// only, see scripts/check/layer-table.mjs",
    'import LRU from "lru-cache";': "lru-cache is not in its dependencies or peerDependencies",
    'import { a } from "../test/a.js";': "../test/a.js is outside the package's src",
    'import { readFile } from "fs";': "write node:fs",
  };
  const { code, output } = cache(Object.keys(bad).join("\n"));
  const expected = Object.values(bad).map((text, index) => `packages/cache/src/index.ts:${index + 1} layers ${text}`);
  const found = output.split("\n").filter((line) => line.startsWith("packages/"));
  assert.deepEqual([code, found.toSorted()], [1, expected.toSorted()]);
});

test("layers refuses a dependency that the table does not allow", () => {
  const { code, output } = cache("", { dependencies: { "@scale/queue": "workspace:^" } });
  const problem = "packages/cache/package.json:1 layers cache (layer 2) may not import queue (layer 2)";
  assert.deepEqual([code, output.split("\n")[0]], [1, problem]);
});

test("layers refuses a package that is not in the table", () => {
  const { code, output } = fixture({ ...table({}), ...others("news") }).run("check/layers.mjs");
  assert.deepEqual(
    [code, output.split("\n")[0]],
    [1, "packages/news/package.json:1 layers news is not in the layer table"],
  );
});

test("layers lets nest import types only from features", () => {
  const run = (source) =>
    fixture({
      ...table({ cache: 2, nest: 4 }),
      ...others("cache"),
      "packages/nest/package.json": manifest("nest", { dependencies: { "@scale/cache": "workspace:^" } }),
      "packages/nest/src/index.ts": source,
    }).run("check/layers.mjs").code;
  assert.equal(run('import type { Cache } from "@scale/cache";'), 0);
  assert.equal(run('import { Cache } from "@scale/cache";'), 1);
});

test("layers refuses a row for a package that does not exist", () => {
  const { code, output } = fixture({ ...table({ core: 0, ghost: 2 }), ...others("core") }).run("check/layers.mjs");
  assert.deepEqual([code, output.split("\n")[0]], [1, "scripts/check/layer-table.mjs:1 layers ghost does not exist"]);
});

test("layers refuses a path from a test, a proof or an example into another package", () => {
  const { code, output } = fixture({
    ...table({ core: 0 }),
    ...others("core"),
    "proofs/package.json": { name: "proofs" },
    "proofs/src/a.ts": 'import { b } from "../../packages/core/src/b.js";\n',
    "packages/core/src/c.test.ts": 'import { b } from "../../http/test/b.js";\n',
  }).run("check/layers.mjs");
  assert.equal(code, 1);
  assert.match(
    output,
    /^packages\/core\/src\/c\.test\.ts:1 layers \.\.\/\.\.\/http\/test\/b\.js leaves packages\/core/m,
  );
  assert.match(output, /^proofs\/src\/a\.ts:1 layers \.\.\/\.\.\/packages\/core\/src\/b\.js leaves proofs/m);
});
