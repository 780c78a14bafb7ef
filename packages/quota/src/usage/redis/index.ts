export { ledgerFail } from "../../events.js";
export { postgresLedger, type PostgresLedgerOptions } from "../ledger/postgres.js";
export { usageLedgerTable } from "../ledger/table.js";
export type { LedgerAddress, LedgerEntry, LedgerState, UsageLedger } from "../ledger/types.js";
export { type RedisUsage, redisUsage, type RedisUsageOptions } from "./store.js";
