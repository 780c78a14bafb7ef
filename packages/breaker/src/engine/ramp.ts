/** Share that the first moment of a ramp admits. */
const FIRST_SHARE = 0.1;

/** Share of the calls to admit `elapsedMs` after recovery: it rises from a tenth to 1 in a straight line. */
export function rampShare(elapsedMs: number, rampMs: number): number {
  if (elapsedMs >= rampMs) return 1;
  return FIRST_SHARE + (1 - FIRST_SHARE) * (Math.max(0, elapsedMs) / rampMs);
}

/** Spreads a share over calls without randomness: of ten calls at a share of 0.3, every third or fourth is admitted. */
export class ShareSplitter {
  /** A full unit admits a call. The first call is admitted. */
  #credit = 1;

  admits(share: number): boolean {
    this.#credit += share;
    if (this.#credit < 1) return false;
    // The rest must not pile up into a burst.
    this.#credit = Math.min(this.#credit - 1, 1);
    return true;
  }
}
