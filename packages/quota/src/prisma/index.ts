export type { SqlRowsOptions } from "../rows/sql/store.js";
export { type PrismaExecutor, prismaRows } from "../rows/prisma.js";
