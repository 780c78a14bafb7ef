export type { SqlRowsOptions } from "../sql/store.js";
export { type DrizzleExecutor, drizzleRows } from "./store.js";
