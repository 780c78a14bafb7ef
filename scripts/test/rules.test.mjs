import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture, manifest } from "./fixture.mjs";

const readme = "# @scale/cache\n\n```ts\nconst a = 1;\n```\n";
const base = { "packages/cache/package.json": manifest("cache"), "packages/cache/README.md": readme };
const check = (files) => fixture({ ...base, ...files }).run("check/rules.mjs");
const source = (text, name = "store.ts") => ({ [`packages/cache/src/${name}`]: text });
const lines = (count) => "a();\n".repeat(count);

test("rules finds every kind of bad file and line, and says where", () => {
  const bad = {
    "packages/cache/src/a.ts:1 interval": "setInterval(a, 1);",
    "packages/cache/src/b.ts:1 clock": "const a = Date.now();",
    "packages/cache/src/c.ts:2 clock": "\nconst a = `at ${performance.now()}`;",
    "packages/cache/src/d.ts:1 clock": "const a = new Date();",
    "packages/cache/src/e.ts:1 keyspace": 'await redis.keys("a*");',
    "packages/cache/src/f.ts:1 keyspace": "await redis.scan(cursor);",
    "packages/cache/src/g.lua:1 keyspace": 'return redis.call("KEYS", "*")',
    "packages/cache/src/h.ts:1 export-star": 'export * from "./a.js";',
    "packages/cache/src/i.ts:1 double-cast": "const a = b as unknown as C;",
    "packages/cache/src/j.ts:1 emoji": "// \u{1f680}",
    "packages/cache/src/k.ts:1 later": "// TO\u0044O: later",
    "packages/cache/src/l.ts.orig:1 leftover": "a();",
    "packages/cache/src/m.lua.rej:1 leftover": "a",
    "packages/cache/src/n.ts:1 size": lines(601),
    "packages/cache/src/o.ts:1 allow": "// scale-allow: clock because it is tested here\na();",
    "packages/cache/src/p.ts:1 allow": "// scale-allow: clock\na();",
    "packages/cache/src/redis/index.ts:1 barrel": 'export { a } from "./a.js";',
    "packages/cache/src/utils.ts:1 file-name": "a();",
    "CONTRIBUTING.md:1 size": lines(151),
    "QUICK_REF.md:1 file-name": "# Q\n",
    "docs/a.md:3 emoji": "# A\n\nFast \u2705\n",
    "docs/b.md:1 machine-path": "Look at /\u0068ome/jo/scale/x.\n",
    "packages/cache/README.md:1 readme": `${"\n".repeat(30)}${readme}`,
  };
  const files = Object.entries(bad).map(([where, text]) => [/^(.*):\d+ /.exec(where)[1], text]);
  const { code, output } = check(Object.fromEntries(files));
  const found = output.split("\n").flatMap((line) => /^\S+:\d+ [\w-]+(?= )/.exec(line)?.[0] ?? []);
  assert.deepEqual([code, found.toSorted()], [1, Object.keys(bad).toSorted()]);
});

test("rules accepts mentions in comments and quoted text, and the same words of other things", () => {
  const text = `// Never Date.now() here.
const a = "setInterval(";
for (const key of map.keys()) Object.keys(key);
const b = /["'\`]/.test(a) ? 1 : 2; /* export * from */
`;
  const files = { ...source(text), ...source("it.skipIf(a)(b); const now = performance.now();", "store.test.ts") };
  assert.deepEqual(check(files), { code: 0, output: "rules: 4 files, 0 findings allowed\n" });
});

test("rules allows one finding on the line after a reason, and no second one", () => {
  const allowed = "// scale-allow: clock because the server has no other one\nconst a = Date.now();\n";
  assert.equal(check(source(allowed)).output, "rules: 3 files, 1 findings allowed\n");
  assert.match(check(source(`${allowed}const b = Date.now();\n`)).output, /^packages\/cache\/src\/store\.ts:3 clock /);
});

test("rules warns of more than 400 lines", () => {
  const { code, output } = check(source(lines(401)));
  assert.deepEqual([code, output.includes("store.ts:1 size warning: 401 lines")], [0, true]);
});

test("rules finds a published package that pins a dependency", () => {
  const dependencies = { "@scale/core": "workspace:^", zod: "catalog:published", "lru-cache": "catalog:" };
  const files = { "packages/cache/package.json": manifest("cache", { dependencies }) };
  const { code, output } = check(files);
  assert.deepEqual([code, /json:1 pinned lru-cache/.test(output), /zod|core:/.test(output)], [1, true, false]);
});

test("rules knows the index files of entries", () => {
  const exports = { "./redis": { "@scale/source": "./src/redis/index.ts" } };
  const files = {
    ...source('export { a } from "./a.js";', "redis/index.ts"),
    "packages/cache/package.json": manifest("cache", { exports }),
  };
  assert.equal(check(files).code, 0);
});
