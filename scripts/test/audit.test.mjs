import assert from "node:assert/strict";
import { test } from "node:test";
import { readAudit } from "../check/audit.mjs";

const advisory = {
  module_name: "drizzle-orm",
  vulnerable_versions: "<0.45.2",
  title: "SQL injection",
  url: "https://x",
};

test("audit names holes of high severity, and no others", () => {
  const advisories = { 1: { ...advisory, severity: "high" }, 2: { ...advisory, severity: "low" } };
  const { answered, severe } = readAudit(JSON.stringify({ advisories, metadata: {} }));
  assert.equal(answered, true);
  assert.deepEqual(severe, ["drizzle-orm <0.45.2: high: SQL injection https://x"]);
});

test("audit takes an error of the registry, and no output, for no answer", () => {
  for (const output of ["", "ENOTFOUND", JSON.stringify({ error: { code: "ERR_PNPM_AUDIT_BAD_RESPONSE" } }), "null"]) {
    assert.deepEqual(readAudit(output), { answered: false, severe: [] });
  }
});
