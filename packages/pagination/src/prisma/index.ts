export type { SqlList } from "../keyset/statement.js";
export type { SqlFragment } from "../keyset/writer.js";
export { type PrismaClient, type PrismaId, type PrismaIds, prismaPage, type PrismaSource } from "./page.js";
