import { describe } from "vitest";
import { addRows } from "./add-rows.js";
import { cancelRows } from "./cancel-rows.js";
import type { CreateHarness } from "./context.js";
import { crashRows } from "./crash-rows.js";
import { fairRows } from "./fair-rows.js";
import { runRows } from "./run-rows.js";

export { type CreateHarness, LEASE_MS, type QueueStoreHarness } from "./context.js";
export { type VirtualClock, virtualClock } from "./virtual-clock.js";

/** The contract of a `QueueStore`. `create` returns an empty store. Consumers of the suite have leases of `LEASE_MS`. */
export function describeQueueStore(name: string, create: CreateHarness): void {
  describe(`QueueStore: ${name}`, () => {
    addRows(create);
    runRows(create);
    fairRows(create);
    cancelRows(create);
    crashRows(create);
  });
}
