import type { Clock } from "../clock.js";
import { StoreError } from "../errors.js";
import { defineEvent, type EventChannel } from "../events.js";
import { inRootContext } from "../root-context.js";
import type { RedisPort } from "./client.js";
import { evaluate, PING } from "./script.js";

/** Published when a server stops answering in time, and when it answers again. */
export const redisStall: EventChannel<{ readonly lane: string; readonly stalled: boolean }> =
  defineEvent("scale:core:redis-stall");

/** Milliseconds between two probes of a stalled server. An answer to an earlier call, however late, ends the stall too. */
const PROBE_EVERY_MS = 250;
/** Maximum number of stalled lanes that are tracked; calls on further ones wait for the deadline. */
const MAX_STALLED_LANES = 10_000;

/** Circuit breaker of each lane. A lane is the hash tag on a Cluster, and the one server otherwise. */
export interface StallDetector {
  /** Returns why a call must not be sent now. A request never waits to find out whether a server is back: a probe does. */
  refusal(lane: string, keys: readonly string[]): StoreError | undefined;
  /** Records that a call met its deadline. */
  onTimeout(lane: string): void;
  /** Records an answer. Errors and late answers count: each shows that the server is back. */
  onAnswer(lane: string): void;
}

export function createStallDetector(port: RedisPort, clock: Clock): StallDetector {
  // By lane: when it may be probed.
  const stalled = new Map<string, number>();
  let wasReady = false;

  function onAnswer(lane: string): void {
    // The size first: while no lane is stalled, which is nearly always, an answer costs no more than this.
    if (stalled.size > 0 && stalled.delete(lane)) publishStall({ lane, stalled: false });
  }

  function probe(lane: string, keys: readonly string[]): void {
    const answered = (): void => onAnswer(lane);
    evaluate(port, PING, { keys, args: [] }, { isOver: false, resolve: answered, reject: answered });
  }

  return {
    refusal(lane, keys) {
      if (port.isReady()) wasReady = true;
      // Before the first connection the client may still be connecting and queue the call: it waits up to its deadline.
      else if (wasReady) return new StoreError("Redis is not connected", { notSent: true });
      const probeAt = stalled.get(lane);
      if (probeAt === undefined) return undefined;
      const now = clock.monotonic();
      if (now >= probeAt) {
        stalled.set(lane, now + PROBE_EVERY_MS);
        inRootContext(() => probe(lane, keys));
      }
      return new StoreError("Redis has stopped answering", { notSent: true });
    },
    onTimeout(lane) {
      if (stalled.has(lane)) return;
      if (stalled.size < MAX_STALLED_LANES) stalled.set(lane, clock.monotonic());
      publishStall({ lane, stalled: true });
    },
    onAnswer,
  };
}

/** A server's state concerns every tenant, so that its event is published for none. */
function publishStall(state: { readonly lane: string; readonly stalled: boolean }): void {
  inRootContext(() => redisStall.publish(() => state));
}
