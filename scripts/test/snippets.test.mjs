import assert from "node:assert/strict";
import { test } from "node:test";
import { fixture } from "./fixture.mjs";

const compilerOptions = {
  module: "node20",
  target: "es2023",
  lib: ["es2023"],
  types: [],
  strict: true,
  moduleDetection: "force",
};
const check = (readme) =>
  fixture({ "tsconfig.base.json": { compilerOptions }, "README.md": readme, "packages/core/src/index.ts": "" }).run(
    "check/snippets.mjs",
  );
const fence = (info, code) => `\n\`\`\`${info}\n${code}\n\`\`\`\n`;

test("check-docs accepts snippets that compile, one importing another by its name", () => {
  const page =
    fence("ts [plan.ts]", "export const a = 1;") +
    fence("ts", 'import { a } from "./plan.js";\nconst b: number = a;') +
    fence("js", "no(");
  assert.deepEqual(check(page), { code: 0, output: "docs: 2 snippets on 1 pages\n" });
});

test("check-docs names the line of the page that does not compile", () => {
  const { code, output } = check(`# Title\n${fence("ts", "const a = 1;\nconst b: string = a;")}`);
  assert.equal(code, 1);
  assert.match(output, /^README\.md:5 docs error TS2322/);
});

test("check-docs leaves a snippet out only for a reason", () => {
  assert.equal(check(fence("ts nocheck pseudo-code", "no(")).code, 0);
  assert.match(check(fence("ts nocheck", "no(")).output, /^README\.md:2 docs say why/);
});
