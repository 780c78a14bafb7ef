import { describe, it } from "vitest";
import type { BreakerEngine } from "../engine/contract.js";
import { suiteContext } from "./context.js";
import { contractRows } from "./contract-rows.js";
import { probeRows } from "./probe-rows.js";
import { windowRows } from "./window-rows.js";

export interface DescribeBreakerOptions {
  /** Ids of rows that the engine is known to fail. Such a row must fail: one that passes fails the suite. */
  readonly expectedFailures?: readonly string[];
}

/**
 * The contract of every `BreakerEngine`, as tests. Call it in a vitest file. It fakes timers and clocks, so the engine takes
 * the time from `settings.clock` or from timers.
 */
export function describeBreaker(
  name: string,
  engine: BreakerEngine,
  { expectedFailures = [] }: DescribeBreakerOptions = {},
): void {
  describe(`BreakerEngine: ${name}`, () => {
    const context = suiteContext(engine);
    for (const { id, title, run } of [...probeRows, ...windowRows, ...contractRows]) {
      const declare = expectedFailures.includes(id) ? it.fails : it;
      declare(`${id}: ${title}`, () => run(context));
    }
  });
}
