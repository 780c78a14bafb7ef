import { ConfigError } from "@scale/core";
import { describe, expect, it } from "vitest";
import { createBreaker } from "../breaker.js";
import { describeBreaker } from "../testing/index.js";
import { opossumEngine } from "./engine.js";

// No wrapper can repair these: opossum decides by itself when it counts, opens and probes.
const EXPECTED_FAILURES = ["P4", "P5", "P7", "P8b", "E3", "E4", "E5", "E6", "E7", "E8b", "E9", "E10", "E11", "E16"];

describeBreaker("opossum", opossumEngine, { expectedFailures: EXPECTED_FAILURES });

describe("opossumEngine", () => {
  it("refuses options that opossum cannot follow", () => {
    const create = (options: object) => () => createBreaker({ name: "x", engine: opossumEngine, ...options });
    expect(create({ window: { type: "consecutive", failures: 3 } })).toThrow(ConfigError);
    expect(create({ slowCall: { ms: 100 } })).toThrow(/opossumEngine: slowCall: expected none/);
  });
});
