import type { Clock } from "@scale/core";

/** Length of the window, including the current second. */
const WINDOW_SECONDS = 60;

/** A ring buffer with a row of counters for each of the last 60 seconds. */
export interface SecondsRing {
  /** Adds 1, or `by`, in the current second. */
  add(column: number, by?: number): void;
  /** Keeps the greatest value of the current second. */
  raise(column: number, value: number): void;
  /** The sum of a column over the 60 seconds. */
  total(column: number): number;
  /** The greatest value of a column in the 60 seconds. */
  highest(column: number): number;
  /** Rows from oldest to newest. They are views, not copies: read them at once. */
  rows(): readonly Uint32Array[];
}

export function createSecondsRing(columns: number, clock: Clock): SecondsRing {
  const counts = new Uint32Array(WINDOW_SECONDS * columns);
  // The second that each slot holds. A slot with a second outside the window counts as empty.
  const seconds = new Float64Array(WINDOW_SECONDS).fill(-1);
  const nothing = new Uint32Array(columns);

  const runningSecond = (): number => Math.floor(clock.monotonic() / 1000);
  const rowAt = (row: number): Uint32Array => counts.subarray(row * columns, (row + 1) * columns);

  function rows(): Uint32Array[] {
    const oldest = runningSecond() - WINDOW_SECONDS + 1;
    return Array.from({ length: WINDOW_SECONDS }, (_, i) => {
      const row = (oldest + i) % WINDOW_SECONDS;
      return seconds[row] === oldest + i ? rowAt(row) : nothing;
    });
  }

  /** Position of a counter of the current second, which starts at 0. */
  function place(column: number): number {
    const second = runningSecond();
    const row = second % WINDOW_SECONDS;
    if (seconds[row] !== second) {
      rowAt(row).fill(0);
      seconds[row] = second;
    }
    return row * columns + column;
  }

  return {
    add(column, by = 1) {
      const at = place(column);
      counts[at] = (counts[at] ?? 0) + by;
    },
    raise(column, value) {
      const at = place(column);
      counts[at] = Math.max(counts[at] ?? 0, value);
    },
    highest: (column) => Math.max(...rows().map((row) => row[column] ?? 0)),
    total: (column) => rows().reduce((sum, row) => sum + (row[column] ?? 0), 0),
    rows,
  };
}
