import { endOfRecord, type Lsn, parseLsn } from "./lsn.js";
import type { RowsLike } from "../types.js";

/** Status that a server reports. */
export interface NodeStatus {
  readonly isStandby: boolean;
  /** On a primary, the end of all records written before the query. On a standby, the replayed position. */
  readonly lsn: Lsn;
  /** A lower bound on a standby without an upstream, and on one that hides its receiver from the role. */
  readonly timeline: number;
  readonly systemId: string;
  /** 180004 */
  readonly version: number;
}

/**
 * Status query for primaries and standbys. Any database role may run it.
 * It reads the insert position, because the written and flushed positions are before a commit that did not wait for the
 * disk. The timeline of a primary is the one of its current log file, because the control file has the one of the last
 * checkpoint. All columns are text, because the application may have replaced the type parsers.
 */
export const STATUS_SQL = `/* scale:db-router */ SELECT standby::text AS standby,
  (CASE WHEN standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text AS lsn,
  (CASE WHEN standby THEN greatest(
    (SELECT max(received_tli) FROM pg_stat_wal_receiver),
    (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
    (SELECT timeline_id FROM pg_control_checkpoint()))
  ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END)::text AS timeline,
  (SELECT system_identifier::text FROM pg_control_system()) AS system_id,
  current_setting('server_version_num') AS version,
  pg_size_bytes(current_setting('wal_segment_size'))::text AS segment_bytes,
  current_setting('wal_block_size') AS page_bytes
FROM (SELECT pg_is_in_recovery() AS standby) AS role`;

/** @throws {Error} for a result that is not PostgreSQL's, and for a position that is too large */
export function parseStatus({ rows: [row] }: RowsLike): NodeStatus {
  const text = (name: string): string => String(row?.[name]);
  const count = (name: string): number => {
    const value = Number(text(name));
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new Error(`status: ${name}: expected a number, got ${text(name)}`);
  };
  const isStandby = text("standby") === "true" || text("standby") === "t";
  const lsn = parseLsn(text("lsn"));
  if (lsn === undefined) throw new Error(`status: lsn: expected an LSN, got ${text("lsn")}`);
  const geometry = { segmentBytes: count("segment_bytes"), pageBytes: count("page_bytes") };
  return {
    isStandby,
    lsn: isStandby ? lsn : endOfRecord(lsn, geometry),
    timeline: count("timeline"),
    systemId: text("system_id"),
    version: count("version"),
  };
}
