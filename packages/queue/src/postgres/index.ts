export { type QueueSchemaOptions, queueTables } from "./sql/index.js";
export { postgresStore, type PostgresStoreOptions } from "./store.js";
