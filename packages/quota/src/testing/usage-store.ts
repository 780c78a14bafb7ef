import { describe } from "vitest";
import { describeCommits, describeLateCommits } from "./usage-commits.js";
import { describeConsume, describeIsolation, describeThresholds } from "./usage-consume.js";
import { type CreateUsageStore, openFixture, type UsageFixture } from "./usage-fixture.js";
import { describeCancel, describeRepeatedCalls } from "./usage-calls.js";
import { describeCredits } from "./usage-credits.js";
import { describeHolds, describeReservationIds } from "./usage-holds.js";
import { describeIdBoundaries, describeIdConflicts } from "./usage-ids.js";
import { describeIds, describeUsageInput } from "./usage-input.js";

/**
 * Contract of every usage store. Call it in a vitest file with a function that makes an empty store for each test. Add
 * tests of the properties that only your backend has: expiry of its keys, lost connections, a server that hangs.
 */
export function describeUsageStore(name: string, create: CreateUsageStore): void {
  describe(`UsageStore: ${name}`, () => {
    const newFixture = (): Promise<UsageFixture> => openFixture(create);
    describeHolds(newFixture);
    describeReservationIds(newFixture);
    describeIdConflicts(newFixture);
    describeIdBoundaries(newFixture);
    describeRepeatedCalls(newFixture);
    describeCancel(newFixture);
    describeCredits(newFixture);
    describeCommits(newFixture);
    describeLateCommits(newFixture);
    describeConsume(newFixture);
    describeThresholds(newFixture);
    describeIsolation(newFixture);
    describeUsageInput(newFixture);
    describeIds(newFixture);
  });
}
