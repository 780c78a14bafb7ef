/** Counts of the calls that settled lately. Each `record` is O(1) amortized, whatever the window holds. */
export interface CallWindow {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
  record(nowMs: number, isFailure: boolean, isSlow: boolean): void;
  /** Drops calls that no longer count. */
  expire(nowMs: number): void;
  clear(): void;
}
