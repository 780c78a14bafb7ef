/** Scenarios that the tests of this package share with the proofs. Private: not built and not published. */
export { type Closable, drizzleHarness, pgHarness, prismaHarness } from "./harness.js";
export { ledgerPool } from "./ledger-pool.js";
export { boundaryByScan } from "./period-oracle.js";
