import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fixture } from "./fixture.mjs";

const lua = `--[[
  Adds.

  KEYS[1]  counter
  ARGV[1]  units

  Largest input: one counter.
]]
-- Why.
local text = "-- not a comment" -- a comment
return redis.call("INCRBY", KEYS[1], ARGV[1])
`;
const folder = "packages/quota/src/redis";
const repository = (text, name = "take-one") => fixture({ [`${folder}/${name}.lua`]: text });

test("generate/lua writes the code under its hash, line by line as in the file", () => {
  const { root, run } = repository(lua);
  assert.equal(run("generate/lua.mjs").code, 0);
  assert.equal(run("generate/lua.mjs", "--check").code, 0);
  const generated = readFileSync(join(root, folder, "scripts.gen.ts"), "utf8");
  const source = JSON.parse(/source: (".*"),$/m.exec(generated)[1]);
  assert.deepEqual(source.split("\n").slice(8, 11), ["", 'local text = "-- not a comment"', lua.split("\n")[10]]);
  assert.ok(generated.includes("export const takeOne: Script = {"));
  assert.ok(generated.includes(`sha1: "${createHash("sha1").update(source).digest("hex")}"`));
});

test("generate/lua leaves a script whole whose strings span lines", () => {
  const { root, run } = repository(`${lua}local long = [[ a  \n -- b ]]\n`);
  assert.equal(run("generate/lua.mjs").code, 0);
  assert.ok(readFileSync(join(root, folder, "scripts.gen.ts"), "utf8").includes("Adds."));
});

test("generate/lua --check fails when a script has changed, and when its file is gone", () => {
  const changed = repository(lua);
  changed.run("generate/lua.mjs");
  changed.write({ [`${folder}/take-one.lua`]: lua.replace("INCRBY", "DECRBY") });
  assert.match(changed.run("generate/lua.mjs", "--check").output, /scripts\.gen\.ts:1 lua is stale/);
  const orphan = fixture({ [`${folder}/scripts.gen.ts`]: "" });
  assert.match(orphan.run("generate/lua.mjs", "--check").output, /has no \.lua file beside it/);
});

for (const [what, text, message, name] of [
  ["a script without a header", "return 1\n", /starts without/],
  ["a header without the largest input", lua.replace(/  Largest.*\n/, ""), /does not state the `Largest input:`/],
  [
    "an argument that the header does not name",
    `${lua}redis.call("SET", KEYS[1], ARGV[2])\n`,
    /ARGV\[2\] is not in the header/,
  ],
  ["an argument that only the header names", lua.replace(", ARGV[1])", ")"), /ARGV\[1\] of the header is not used/],
  ["a computed index without a range", `${lua}local a = ARGV[#ARGV]\n`, /ARGV is read by a computed index/],
  ["a name that cannot be exported", lua, /its name does not make an export/, "delete"],
]) {
  test(`generate/lua refuses ${what}`, () => {
    const { code, output } = repository(text, name).run("generate/lua.mjs");
    assert.equal(code, 1);
    assert.match(output, message);
  });
}

test("generate/lua takes KEYS[i] for all of them and ARGV[2..n] for a range", () => {
  const text =
    "--[[\n KEYS[i] all\n ARGV[1] first\n ARGV[2..n] the others\n Largest input: one.\n]]\nreturn {unpack(KEYS), ARGV[1], ARGV[#ARGV], ARGV[3]}\n";
  assert.deepEqual(repository(text).run("generate/lua.mjs"), { code: 0, output: "lua: 1 scripts\n" });
});
