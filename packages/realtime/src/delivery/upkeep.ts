import type { Clock } from "@scale/core";
import type { Presence } from "./presence.js";
import type { Verifier } from "./verify.js";

/** Milliseconds between two verifications of all connections. */
const VERIFY_MS = 10_000;
/** Milliseconds after which an event that a connection lacks is looked for again. */
const CONFIRM_MS = 1000;

/** Work that is due once in a while, at the ticks of the hub's timer. */
export interface Upkeep {
  onTick(): void;
}

export interface UpkeepOptions {
  readonly verifier: Verifier;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly isLive: () => boolean;
  /** Reads what connections miss while the feed is lost. */
  readonly poll: () => Promise<void>;
}

export function createUpkeep({ verifier, presence, clock, isLive, poll }: UpkeepOptions): Upkeep {
  let verifyAt = clock.monotonic() + VERIFY_MS;
  let confirmAt = 0;
  let isBusy = false;

  async function work(task: () => Promise<void>): Promise<void> {
    isBusy = true;
    await task().finally(() => {
      isBusy = false;
    });
  }

  return {
    onTick() {
      const now = clock.monotonic();
      void presence.flush(now);
      if (isBusy || now < confirmAt) return;
      confirmAt = now + CONFIRM_MS;
      const isDue = now >= verifyAt;
      if (isDue) verifyAt = now + VERIFY_MS;
      // While the feed is lost no connection is live. All read when it is restored, which may take long.
      if (isLive()) void work(() => verifier.run(isDue ? "all" : "suspects"));
      else if (isDue) void work(poll);
    },
  };
}
