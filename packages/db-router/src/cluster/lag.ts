import type { Lsn } from "../postgres/lsn.js";

/** Replica lag, as of the replica's last poll. */
export interface Lag {
  readonly bytes: number;
  /** Upper bound: commits older than this are on the replica. Infinity when it has not reached the oldest sample. */
  readonly ms: number;
}

export interface LagHistory {
  /** Adds a position of the primary, with the time at which it was requested. */
  add(lsn: Lsn, atMs: number): void;
  /** @returns `undefined` while there is no sample to compare with */
  of(replayed: Lsn, nowMs: number): Lag | undefined;
  clear(): void;
}

const NONE: Lag = { bytes: 0, ms: 0 };
/** Samples closer together than this fraction of the maximum lag are merged. */
const RESOLUTION = 64;

/**
 * Measures lag by this process's clock: a replica that has replayed a sample has every commit from before the sample was
 * requested. The server's own figures do not say that. The time of the last replayed commit grows while the primary is
 * idle, and the replay lag of pg_stat_replication is the lag of the last message.
 */
export function createLagHistory(maxMs: number): LagHistory {
  // Oldest first. Positions may go back: a crash can lose the end of a log that was not flushed.
  let samples: { lsn: Lsn; atMs: number }[] = [];

  function add(lsn: Lsn, atMs: number): void {
    const last = samples.at(-1);
    const before = samples.at(-2);
    if (last !== undefined && before !== undefined && last.atMs - before.atMs < maxMs / RESOLUTION) samples.pop();
    samples.push({ lsn, atMs });
    while (samples[1] !== undefined && samples[1].atMs < atMs - 2 * maxMs) samples.shift();
  }

  function of(replayed: Lsn, nowMs: number): Lag | undefined {
    const newest = samples.at(-1);
    if (newest === undefined) return undefined;
    if (replayed >= newest.lsn) return NONE;
    const reached = samples.findLast(({ lsn }) => lsn <= replayed);
    return { bytes: newest.lsn - replayed, ms: reached === undefined ? Infinity : Math.max(nowMs - reached.atMs, 0) };
  }

  return { add, of, clear: () => void (samples = []) };
}
