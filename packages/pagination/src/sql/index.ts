export { type ParsedSqlSource, type SqlClient, sqlPage, type SqlRow, type SqlSource } from "./page.js";
export { type SqlParts, sqlParts } from "./parts.js";
export type { SqlList } from "../keyset/statement.js";
export type { SqlText } from "../keyset/writer.js";
export { verifyPage } from "./verify.js";
