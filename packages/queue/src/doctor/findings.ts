/** Kind of finding; stable API. */
export type FindingCode =
  /** Redis evicts keys when its memory is full, jobs among them. */
  | "redis-eviction"
  /** Redis loses jobs that it has acknowledged when its process ends. */
  | "redis-no-aof"
  /** A failover loses jobs that the replica had not received. */
  | "redis-async-replicas"
  /** The connection is to a replica, which stores nothing. */
  | "redis-replica"
  /** Older than the oldest version that is tested. */
  | "redis-version"
  /** The installed BullMQ is of a version whose scripts the store does not know. */
  | "bullmq-version"
  /** The clocks of the server and of this process differ. */
  | "clock-skew"
  /** Postgres loses transactions that it has acknowledged when its machine fails. */
  | "postgres-not-durable"
  /** The connection is to a standby, which stores nothing. */
  | "postgres-standby"
  /** The tables and functions of the store are missing. */
  | "postgres-tables"
  /** The server does not tell a setting, so that it could not be checked. */
  | "unknown-setting";

/** A fact about the installation that loses jobs, or may. */
export interface Finding {
  readonly code: FindingCode;
  /** `error`: jobs are lost or refused in normal operation. `warning`: in the failure that the message names. */
  readonly severity: "error" | "warning";
  /** Expected and found value. */
  readonly message: string;
  /** The change that removes the finding. */
  readonly fix: string;
}

/** Clocks that differ by more move delays, schedules and leases. */
const MAX_SKEW_MS = 1000;

/**
 * Compares a server's time with that of this process, read half way through the round trip.
 * @param serverMs milliseconds since the epoch
 */
export function skewFinding(serverMs: number, sent: { readonly atMs: number; readonly tookMs: number }): Finding[] {
  const skewMs = serverMs - (sent.atMs + sent.tookMs / 2);
  // Half of the round trip is the error of the measurement.
  if (Math.abs(skewMs) <= MAX_SKEW_MS + sent.tookMs / 2) return [];
  return [
    {
      code: "clock-skew",
      severity: "warning",
      message: `expected clocks within ${MAX_SKEW_MS} ms, got a server that is ${Math.round(skewMs)} ms ahead of this process`,
      fix: "Synchronize both machines by NTP.",
    },
  ];
}
