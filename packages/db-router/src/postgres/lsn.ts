/**
 * A position in the write-ahead log, in bytes. A number and not a bigint, since each read compares some: above 2^53
 * (8 PiB of log) `parseLsn` gives up.
 */
export type Lsn = number;

const FORM = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;
const HIGH = 2 ** 32;

/** @returns `undefined` for what is not `XXXXXXXX/XXXXXXXX`, or too large to compare */
export function parseLsn(text: string): Lsn | undefined {
  const [, high, low] = FORM.exec(text) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const lsn = Number.parseInt(high, 16) * HIGH + Number.parseInt(low, 16);
  return Number.isSafeInteger(lsn) ? lsn : undefined;
}

export function formatLsn(lsn: Lsn): string {
  const hex = (half: number): string => half.toString(16).toUpperCase();
  return `${hex(Math.floor(lsn / HIGH))}/${hex(lsn % HIGH)}`;
}

/** How a server has cut its log. */
export interface LogGeometry {
  readonly segmentBytes: number;
  readonly pageBytes: number;
}

/** Of the first page of a segment, and of every other page. */
const LONG_HEADER = 40;
const SHORT_HEADER = 24;

/**
 * Where the last record ends, given where the next one would begin. When a record ends with its page, the two differ by
 * the header of the next page, and a replica that has replayed everything reports the former: without this it would
 * never be seen to have caught up until somebody writes again.
 * Source: XLogBytePosToRecPtr and XLogBytePosToEndRecPtr in src/backend/access/transam/xlog.c of PostgreSQL.
 */
export function endOfRecord(insertLsn: Lsn, { segmentBytes, pageBytes }: LogGeometry): Lsn {
  if (insertLsn % segmentBytes === LONG_HEADER) return insertLsn - LONG_HEADER;
  if (insertLsn % pageBytes === SHORT_HEADER) return insertLsn - SHORT_HEADER;
  return insertLsn;
}
