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
 * @param isIdle false while an answer is due that needs turns of the event loop
 */
export function createManualTimers(clock: ManualClock, isIdle: () => boolean = () => true): ManualTimers {
  const timers = new Set<{ readonly at: number; readonly onDue: () => void }>();

  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < 2; quiet = isIdle() ? quiet + 1 : 0) await new Promise((done) => setImmediate(done));
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
