export type { SqlList } from "../sql/statement.js";
export type { SqlText } from "../sql/writer.js";
export { type PrismaClient, type PrismaId, type PrismaIds, prismaPage, type PrismaSource } from "./page.js";
