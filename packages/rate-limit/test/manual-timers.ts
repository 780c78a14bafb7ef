import type { ManualClock } from "@scale/core/testing";

export interface ManualTimers {
  /** Number of timers that are set. */
  readonly pending: number;
  /** Lets everything run that needs no time. */
  settle(): Promise<void>;
  setTimer(ms: number, onDue: () => void): () => void;
  /** Moves the clock to each timer in turn, and then to the end. */
  advance(ms: number): Promise<void>;
}

/**
 * Timers that a test moves, together with its clock.
 * @param rounds turns of the event loop after which nothing runs any more
 */
export function createManualTimers(clock: ManualClock, rounds = 2): ManualTimers {
  const timers = new Set<{ readonly at: number; readonly onDue: () => void }>();

  async function settle(): Promise<void> {
    for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  function due(until: number) {
    const [first] = [...timers].filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at);
    return first;
  }

  return {
    get pending() {
      return timers.size;
    },
    settle,
    setTimer(ms, onDue) {
      const timer = { at: clock.monotonic() + ms, onDue };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async advance(ms) {
      await settle();
      const end = clock.monotonic() + ms;
      for (let timer = due(end); timer !== undefined; timer = due(end)) {
        timers.delete(timer);
        clock.advance(Math.max(0, timer.at - clock.monotonic()));
        timer.onDue();
        await settle();
      }
      clock.advance(end - clock.monotonic());
    },
  };
}
