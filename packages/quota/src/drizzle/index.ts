export type { SqlRowsOptions } from "../rows/sql/store.js";
export { type DrizzleExecutor, drizzleRows } from "../rows/drizzle.js";
