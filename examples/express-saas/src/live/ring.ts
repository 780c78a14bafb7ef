import type { Clock } from "@scale/core";

/** Length of the window, including the current second. */
const WINDOW_SECONDS = 60;

/** A ring buffer with a row of counters for each of the last 60 seconds. */
export interface SecondsRing {
  /** Adds 1, or `by`, in the current second. */
  add(column: number, by?: number): void;
  /** The sum of a column over the 60 seconds. */
  total(column: number): number;
  /** Rows from oldest to newest. They are views, not copies: read them at once. */
  rows(): readonly Uint32Array[];
}

export function createSecondsRing(columns: number, clock: Clock): SecondsRing {
  const counts = new Uint32Array(WINDOW_SECONDS * columns);
  // The second that each slot holds. A slot with a second outside the window counts as empty.
  const seconds = new Float64Array(WINDOW_SECONDS).fill(-1);
  const nothing = new Uint32Array(columns);

  const runningSecond = (): number => Math.floor(clock.monotonic() / 1000);
  const rowAt = (place: number): Uint32Array => counts.subarray(place * columns, (place + 1) * columns);

  function rows(): Uint32Array[] {
    const oldest = runningSecond() - WINDOW_SECONDS + 1;
    return Array.from({ length: WINDOW_SECONDS }, (_, i) => {
      const place = (oldest + i) % WINDOW_SECONDS;
      return seconds[place] === oldest + i ? rowAt(place) : nothing;
    });
  }

  return {
    add(column, by = 1) {
      const second = runningSecond();
      const place = second % WINDOW_SECONDS;
      if (seconds[place] !== second) {
        rowAt(place).fill(0);
        seconds[place] = second;
      }
      const at = place * columns + column;
      counts[at] = (counts[at] ?? 0) + by;
    },
    total: (column) => rows().reduce((sum, row) => sum + (row[column] ?? 0), 0),
    rows,
  };
}
