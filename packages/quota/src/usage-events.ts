import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface LedgerFailed {
  readonly error: unknown;
  /** Counts of which this process knows that the ledger does not have everything. Redis keeps it meanwhile. */
  readonly counts: number;
}

/** Published when usage could not be written to the ledger. It is tried again, less and less often. */
export const ledgerFail: EventChannel<LedgerFailed> = defineEvent("scale:quota:ledger-fail");
