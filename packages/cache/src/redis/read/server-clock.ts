import type { Clock } from "@scale/core";

/** What the clock of the server says, without asking it each time. */
export interface ServerClock {
  /** Milliseconds since the epoch; `undefined` when the server has not told for a while. */
  now(): number | undefined;
  /** @param askedAt by the monotonic clock, when the question was sent that the server answered with `now` */
  told(now: number, askedAt: number): void;
}

/** How long what the server has told is used: in that time no two clocks go apart by what matters to an entry's age. */
const USED_MS = 5000;

export function serverClock(clock: Clock): ServerClock {
  let ahead = 0;
  let until = -Infinity;
  return {
    now() {
      const mine = clock.monotonic();
      return mine < until ? mine + ahead : undefined;
    },
    told(now, askedAt) {
      if (!Number.isFinite(now)) return;
      // As if the answer had been given when it was asked for: entries may look older than they are, never younger.
      ahead = now - askedAt;
      until = askedAt + USED_MS;
    },
  };
}
