import type { Lsn } from "../postgres/lsn.js";

/** How far a replica is behind, as of its last poll. */
export interface Lag {
  readonly bytes: number;
  /** Everything that was committed longer ago than this is on the replica. Infinity: it has not reached what we know. */
  readonly ms: number;
}

export interface LagHistory {
  /** A sample of the primary, and when it was asked for. */
  add(lsn: Lsn, atMs: number): void;
  /** `undefined` while there is no sample to compare with. */
  of(replayed: Lsn, nowMs: number): Lag | undefined;
  clear(): void;
}

const NONE: Lag = { bytes: 0, ms: 0 };
/** Samples that are closer together than this part of what matters are not told apart. */
const PARTS = 64;

/**
 * Measures lag by our own clock: a replica that has replayed a sample has all that was committed before the sample was
 * asked for. The server's own figures do not say that: the time of the last replayed commit grows while nobody writes,
 * and the replay lag of pg_stat_replication is that of the last message.
 */
export function createLagHistory(maxMs: number): LagHistory {
  // Oldest first. A crash may lose the end of a log that did not wait for the disk, so that positions fall.
  let samples: { lsn: Lsn; atMs: number }[] = [];

  function add(lsn: Lsn, atMs: number): void {
    const last = samples.at(-1);
    const before = samples.at(-2);
    if (last !== undefined && before !== undefined && last.atMs - before.atMs < maxMs / PARTS) samples.pop();
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
