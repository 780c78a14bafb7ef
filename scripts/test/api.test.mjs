import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixture, manifest } from "./fixture.mjs";

const files = {
  "packages/core/package.json": manifest("core"),
  "packages/core/dist/index.d.ts": 'export { type Clock as Time, createClock } from "./clock.js";\n',
  "packages/core/dist/clock.d.ts": `import type { Url } from "node:url";
import { Hidden, type Unit } from "./unit.js";
/** Tells the time. */
export interface Clock {
    /** "//" */
    now(unit: Unit): "//";
}
export declare function createClock(): Clock;
export declare function createClock(url: Url): Clock;
export declare function internal(hidden: Hidden): void;
//# sourceMappingURL=clock.d.ts.map
`,
  "packages/core/dist/unit.d.ts":
    "type Unit = Scale;\ntype Scale = 1;\nexport interface Hidden {\n}\nexport type { Unit };\n",
};
const golden = `// @scale/core
//   Time
//   createClock

import { Url } from "node:url";
interface Clock {
    now(unit: Unit): "//";
}
type Scale = 1;
type Unit = Scale;
function createClock(): Clock;
function createClock(url: Url): Clock;
`;

test("api keeps what the entries stand on, and nothing else", () => {
  const { root, run } = fixture(files);
  assert.equal(run("generate/api.mjs", "--update").code, 0);
  assert.equal(readFileSync(join(root, "packages/core/api.d.ts.txt"), "utf8"), golden);
  assert.equal(run("generate/api.mjs").code, 0);
});

test("api fails when a re-exported declaration changes, and names the line", () => {
  const { run, write } = fixture({ ...files, "packages/core/api.d.ts.txt": golden });
  write({ "packages/core/dist/unit.d.ts": files["packages/core/dist/unit.d.ts"].replace("= 1", "= 2") });
  const { code, output } = run("generate/api.mjs");
  assert.equal(code, 1);
  assert.match(output, /^packages\/core\/api\.d\.ts\.txt:9 api was `type Scale = 1;`, is `type Scale = 2;`/);
});

test("api fails for an entry that is not built", () => {
  const { code, output } = fixture({ "packages/core/package.json": manifest("core") }).run(
    "generate/api.mjs",
    "--update",
  );
  assert.deepEqual([code, output.includes("./dist/index.d.ts is not built")], [1, true]);
});
