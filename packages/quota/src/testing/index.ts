export type { RowsHarness } from "./harness.js";
export { describeRowsStore } from "./rows-store.js";
export type { CreateUsageStore } from "./usage-fixture.js";
export { describeUsageStore } from "./usage-store.js";
