import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture } from "./fixture.mjs";

const check = (files) => fixture(files).run("check/voice.mjs");
const bad = {
  "a.ts:1 voice-who": "// Nobody waits for it.",
  "b.ts:2 voice-what": "\n/** What a store keeps. */\nexport const b = 1;",
  "c.ts:1 voice-text": 'throw new Error("name: expected a text of 1 to 9 characters");',
  "d.ts:1 voice-of": "// Of all callers one loads.",
  "e.ts:1 voice-behind": "// Behind the fence the value is old.",
  "f.test.ts:1 voice-who": 'it("tells whoever asks", () => 1);',
  "g.lua:2 voice-what": "--[[\n  Adds.\n  ARGV[1] units. What is added is kept.\n]]\nreturn 1",
  "h.md:3 voice-who": "# A page\n\nThis is for who has the token.",
  "i.html:1 voice-who": "<p>This is for who has the token</p>",
};

for (const [finding, text] of Object.entries(bad)) {
  const path = finding.slice(0, finding.indexOf(":"));
  test(`voice finds ${finding}`, () => {
    const { code, output } = check({ [path]: text });
    assert.equal(code, 1);
    assert.ok(output.startsWith(finding), output);
  });
}

test("voice reads prose only, and allows the field's own uses", () => {
  const { code, output } = check({
    "a.ts":
      'const who = "who";\n// The replica is 3 ms behind the primary. What now? Callers that wait share the promise.\n',
    "b.md": "# What goes wrong\n\n```ts\n// nobody\n```\n\nMount it behind a proxy. `whoever` is code.\n",
  });
  assert.deepEqual({ code, output }, { code: 0, output: "voice: 2 files\n" });
});
