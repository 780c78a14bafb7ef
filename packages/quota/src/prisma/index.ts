export type { SqlRowsOptions } from "../sql/store.js";
export { type PrismaExecutor, prismaRows } from "./store.js";
