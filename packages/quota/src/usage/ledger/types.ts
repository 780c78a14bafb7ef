/** Name of one count: a metric of a tenant in one billing period. */
export interface LedgerAddress {
  readonly tenantId: string;
  readonly metric: string;
  /** Key of the period. */
  readonly period: string;
}

/**
 * Units committed under one epoch of a count. An epoch begins when Redis gets a count it had no data of, and ends when
 * Redis loses it again. The usage of a count is the sum of its epochs.
 */
export interface LedgerEntry {
  readonly epoch: string;
  readonly units: number;
  /** Rises with every state of the epoch: the higher version is the later state. */
  readonly version: number;
  /** Milliseconds since 1970. */
  readonly writtenAt: number;
}

/** State of one epoch of a count. */
export interface LedgerState extends LedgerAddress, Omit<LedgerEntry, "writtenAt"> {}

/** Keeps usage for longer than Redis does. */
export interface UsageLedger {
  /** Reads all epochs of each count, in the order of `addresses`. A late answer is dropped. */
  read(addresses: readonly LedgerAddress[]): Promise<readonly (readonly LedgerEntry[])[]>;
  /**
   * Writes the state of one epoch of each count, unless the ledger has a later one. Repeated, late and reordered writes
   * are safe. No count twice.
   * @returns the states in the ledger after the write, in the order of `states`
   */
  write(states: readonly LedgerState[]): Promise<readonly Pick<LedgerState, "units" | "version">[]>;
}
