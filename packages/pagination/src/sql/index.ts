export { type ParsedSqlSource, type SqlClient, sqlPage, type SqlSource } from "./page.js";
export { type SqlParts, sqlParts } from "./parts.js";
export type { SqlRow } from "../keyset/row.js";
export type { SqlList } from "../keyset/statement.js";
export type { SqlFragment } from "../keyset/writer.js";
export { verifyPage } from "./verify.js";
