import type { Clock } from "@scale/core";

/** An estimate of the server's time that needs no request. */
export interface ServerClock {
  /** Milliseconds since the epoch. `undefined` if the last reply with a time is too old. */
  now(): number | undefined;
  /** @param askedAt monotonic time at which the request was sent that the server answered with `serverNow` */
  sync(serverNow: number, askedAt: number): void;
}

/** How long one reply is used. Clocks drift apart in that time by less than matters to the age of an entry. */
const VALID_MS = 5000;

export function createServerClock(clock: Clock): ServerClock {
  let offset = 0;
  let validUntil = -Infinity;
  return {
    now() {
      const local = clock.monotonic();
      return local < validUntil ? local + offset : undefined;
    },
    sync(serverNow, askedAt) {
      if (!Number.isFinite(serverNow)) return;
      // As if the server had replied at the moment of the request: entries may look older than they are, never younger.
      offset = serverNow - askedAt;
      validUntil = askedAt + VALID_MS;
    },
  };
}
