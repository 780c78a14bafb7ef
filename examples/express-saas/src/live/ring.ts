import type { Clock } from "@scale/core";

/** The seconds that are remembered, the running one included. */
const WINDOW_SECONDS = 60;

/** A row of counters for each of the last 60 seconds, in memory that never grows. */
export interface SecondsRing {
  /** Adds one, or `by`, in the running second. */
  add(column: number, by?: number): void;
  /** The sum of a column over the 60 seconds. */
  total(column: number): number;
  /** Row by row, the oldest first. Read them at once: they are not copies. */
  rows(): readonly Uint32Array[];
}

export function createSecondsRing(columns: number, clock: Clock): SecondsRing {
  const counts = new Uint32Array(WINDOW_SECONDS * columns);
  // The second that is counted in each place. One older than the window counts no more.
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
