/** Names one count: a metric of a tenant in one billing period. */
export interface LedgerAddress {
  readonly tenantId: string;
  readonly metric: string;
  /** The key of the period. */
  readonly period: string;
}

/**
 * What was committed under one epoch of a count: from when Redis had no data of it until it lost them again.
 * All epochs of a count together are its usage.
 */
export interface LedgerEntry {
  readonly epoch: string;
  readonly units: number;
  /** Of two states of an epoch, the one with the higher version is the later one. */
  readonly version: number;
  /** Milliseconds since the epoch of time. */
  readonly writtenAt: number;
}

/** Keeps usage for longer than Redis does. */
export interface UsageLedger {
  /** All epochs of each count, in the order of `addresses`. */
  read(addresses: readonly LedgerAddress[]): Promise<readonly (readonly LedgerEntry[])[]>;
  /**
   * Writes the state of one epoch of each count, unless a later one is there: again, late and out of order is all right.
   * No count twice.
   * @returns what is there then, in the order of `states`
   */
  write(states: readonly LedgerState[]): Promise<readonly LedgerVersion[]>;
}

export interface LedgerState extends LedgerAddress, LedgerVersion {
  readonly epoch: string;
}

export interface LedgerVersion {
  readonly units: number;
  readonly version: number;
}
