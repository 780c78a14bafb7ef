export type { SqlRowsOptions } from "../sql/store.js";
export { type PgExecutor, pgRows } from "./store.js";
