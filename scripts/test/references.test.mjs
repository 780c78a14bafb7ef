import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture, manifest } from "./fixture.mjs";

const files = {
  "packages/core/package.json": manifest("core"),
  "packages/core/src/index.ts":
    'export const code = "SCALE_CONFIG";\nexport const event = "scale:core:plan-fallback";\n',
  "README.md": "[`@scale/core`](packages/core/README.md)\n",
  "ARCHITECTURE.md": "[core](packages/core/README.md)\n",
  "docs/index.md": "[@scale/core](packages/core.md)\n",
  "docs/reference/errors.md": "| `SCALE_CONFIG` | wiring |\n",
  "docs/reference/events.md": "| `scale:core:plan-fallback` | old answer |\n",
};

test("references is content when every package, code and event can be found", () => {
  const { code, output } = fixture(files).run("check/references.mjs");
  assert.equal(code, 0, output);
});

const broken = {
  "README.md:1 references does not link @scale/core": { "README.md": "" },
  "packages/core/src/index.ts:1 references SCALE_CONFIG has no row": { "docs/reference/errors.md": "" },
  "packages/core/src/index.ts:1 references scale:core:plan-fallback has no row": { "docs/reference/events.md": "" },
  "docs/reference/errors.md:1 references SCALE_GONE is published by no package": {
    "docs/reference/errors.md": "| `SCALE_CONFIG` | |\n| `SCALE_GONE` | |\n",
  },
};
for (const [finding, change] of Object.entries(broken)) {
  test(`references finds ${finding}`, () => {
    const { code, output } = fixture({ ...files, ...change }).run("check/references.mjs");
    assert.equal(code, 1);
    assert.ok(output.startsWith(finding), output);
  });
}
