/**
 * A position in the write-ahead log, in bytes. A number and not a bigint, because every read compares some. `parseLsn`
 * rejects positions above 2^53, which is 8 PiB of log.
 */
export type Lsn = number;

const FORM = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i;
const HIGH = 2 ** 32;

/** @returns `undefined` for a string that is not `XXXXXXXX/XXXXXXXX`, or too large to compare */
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

/** Bytes of the page header: of the first page of a segment, and of the other pages. */
const LONG_HEADER = 40;
const SHORT_HEADER = 24;

/**
 * The end of the last record, computed from the start of the next one. When a record ends with its page, the two differ
 * by the header of the next page. A replica that has replayed everything reports the end, so without this correction it
 * would seem to lag until the next write.
 * Source: XLogBytePosToRecPtr and XLogBytePosToEndRecPtr in src/backend/access/transam/xlog.c of PostgreSQL.
 */
export function endOfRecord(
  insertLsn: Lsn,
  { segmentBytes, pageBytes }: { readonly segmentBytes: number; readonly pageBytes: number },
): Lsn {
  if (insertLsn % segmentBytes === LONG_HEADER) return insertLsn - LONG_HEADER;
  if (insertLsn % pageBytes === SHORT_HEADER) return insertLsn - SHORT_HEADER;
  return insertLsn;
}
