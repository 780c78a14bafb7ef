/** Decides how much cost may be in progress at once. */
export interface Limit {
  /** An integer from 1. */
  readonly current: number;
  /** Notes a change of the cost in progress. */
  onInFlight(inFlight: number, nowMs: number): void;
  /** Notes that a request found no room. */
  onNoRoom(): void;
  /**
   * Notes that work has ended.
   * @returns true when the limit has changed
   */
  onRelease(nowMs: number): boolean;
}

export function fixedLimit(current: number): Limit {
  return { current, onInFlight: () => undefined, onNoRoom: () => undefined, onRelease: () => false };
}
