import { describe, expect, it } from "vitest";
import { settleBatch } from "./settle-batch.js";
import type { Settlement } from "./store.js";

const run = (output?: string): { readonly settlement: Settlement } => ({
  settlement: { kind: "completed", usedMs: 1, ...(output !== undefined && { output }) },
});
const MIB = "x".repeat(1024 ** 2);

describe("settleBatch", () => {
  it("takes the first runs, up to the maximum", () => {
    const runs = [run(), run(), run()];
    expect(settleBatch(runs, 2)).toEqual(runs.slice(0, 2));
    expect(settleBatch(runs, 10)).toEqual(runs);
    expect(settleBatch([], 10)).toEqual([]);
  });

  it("takes no more than 8 MiB of outputs, and one run in any case", () => {
    const runs = Array.from({ length: 20 }, () => run(MIB));
    expect(settleBatch(runs, 50)).toHaveLength(8);
    expect(settleBatch([run(MIB.repeat(20)), run()], 50)).toHaveLength(1);
  });
});
