import { describe } from "vitest";
import { type CreateUsageStore, type NewUsageBench, openBench } from "./usage-fixture.js";
import { describeCommits } from "./usage-commits.js";
import { describeHolds } from "./usage-holds.js";
import { describeUsageInput } from "./usage-input.js";
import { describeUses } from "./usage-uses.js";

/**
 * What every usage store must do. Call it in a vitest file with a function that makes an empty store, for each test anew;
 * add tests of what only your backend has: expiry of what it writes, lost connections, a server that hangs.
 */
export function describeUsageStore(name: string, create: CreateUsageStore): void {
  describe(`UsageStore: ${name}`, () => {
    const newBench: NewUsageBench = () => openBench(create);
    describeHolds(newBench);
    describeCommits(newBench);
    describeUses(newBench);
    describeUsageInput(newBench);
  });
}
