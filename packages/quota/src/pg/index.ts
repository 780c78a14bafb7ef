export type { SqlRowsOptions } from "../rows/sql/store.js";
export { type PgExecutor, pgRows } from "../rows/pg.js";
