export type { SqlList } from "../keyset/statement.js";
export type { SqlText } from "../keyset/writer.js";
export { type PrismaClient, type PrismaId, type PrismaIds, prismaPage, type PrismaSource } from "./page.js";
