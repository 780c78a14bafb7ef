import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture, manifest } from "./fixture.mjs";

const load = (code) =>
  fixture({ "packages/core/package.json": manifest("core"), "packages/core/dist/index.js": code }).run(
    "check/entries.mjs",
  );

test("entries accepts a module without effects", () => {
  assert.deepEqual(load("export const a = 1;"), { code: 0, output: "entries: 2 loads\n" });
});

for (const [what, code, message] of [
  ["a top-level await", "export const a = await 1;", 'require("@scale/core")'],
  ["output on import", 'console.log("loaded");', 'import("@scale/core"): loaded'],
  ["an import that does not resolve", 'import "./gone.js";', "ERR_MODULE_NOT_FOUND"],
]) {
  test(`entries refuses ${what}`, () => {
    const { code: exit, output } = load(code);
    assert.equal(exit, 1);
    assert.ok(output.includes(message), output);
  });
}
