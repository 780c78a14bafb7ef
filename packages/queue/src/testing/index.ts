import { describe, it } from "vitest";
import { addRows } from "./add-rows.js";
import { cancelRows, purgeRows } from "./cancel-rows.js";
import { type CreateHarness, type Row, useStore } from "./context.js";
import { crashRows, deadRows } from "./crash-rows.js";
import { fairRows } from "./fair-rows.js";
import { pageRows } from "./page-rows.js";
import { runRows } from "./run-rows.js";

export {
  createScheduler,
  type FinishedRun,
  type Scheduler,
  type SchedulerOptions,
  type TenantLoad,
} from "../fairness/scheduler.js";
export { type CreateHarness, LEASE_MS, type QueueStoreHarness } from "./context.js";
export { type VirtualClock, virtualClock } from "./virtual-clock.js";

const groups: Readonly<Record<string, readonly Row[]>> = {
  add: addRows,
  consume: runRows,
  fairness: fairRows,
  cancel: cancelRows,
  purgeTenant: purgeRows,
  "a worker that dies": crashRows,
  "dead jobs": deadRows,
  "a page": pageRows,
};

/** The contract of a `QueueStore`. `create` returns an empty store. Consumers of the suite have leases of `LEASE_MS`. */
export function describeQueueStore(name: string, create: CreateHarness): void {
  describe(`QueueStore: ${name}`, () => {
    describe.each(Object.entries(groups))("%s", (_title, rows) => {
      const context = useStore(create);
      it.each(rows)("%s", async (_row, run) => run(context));
    });
  });
}
