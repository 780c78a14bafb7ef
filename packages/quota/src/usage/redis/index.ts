export { type LedgerDb, postgresLedger, type PostgresLedgerOptions } from "../ledger/postgres.js";
export { usageLedgerTable } from "../ledger/table.js";
export type { LedgerAddress, LedgerEntry, LedgerState, LedgerVersion, UsageLedger } from "../ledger/types.js";
export { ledgerFail, type LedgerFailed } from "../../usage-events.js";
export { type RedisUsage, redisUsage, type RedisUsageOptions } from "./store.js";
