export type { RowsHarness } from "./rows-fixture.js";
export { describeRowsStore } from "./rows-store.js";
export type { CreateUsageStore } from "./usage-fixture.js";
export { describeUsageStore } from "./usage-store.js";
