import type { Clock } from "@scale/core";
import { storeFail } from "../events.js";
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

export function createUpkeep({
  verifier,
  presence,
  clock,
  isLive,
}: {
  readonly verifier: Verifier;
  readonly presence: Presence;
  readonly clock: Clock;
  readonly isLive: () => boolean;
}): Upkeep {
  let verifyAt = clock.monotonic() + VERIFY_MS;
  let confirmAt = 0;
  let isVerifying = false;

  async function verify(which: "all" | "suspects"): Promise<void> {
    isVerifying = true;
    try {
      await verifier.run(which);
    } catch (error) {
      storeFail.publish(() => ({ tenantId: undefined, operation: "verify", error }));
    } finally {
      isVerifying = false;
    }
  }

  return {
    onTick() {
      const now = clock.monotonic();
      void presence.flush(now);
      // While the feed is lost no connection is live, and all read when it is restored.
      if (isVerifying || !isLive() || now < confirmAt) return;
      confirmAt = now + CONFIRM_MS;
      const isDue = now >= verifyAt;
      if (isDue) verifyAt = now + VERIFY_MS;
      void verify(isDue ? "all" : "suspects");
    },
  };
}
