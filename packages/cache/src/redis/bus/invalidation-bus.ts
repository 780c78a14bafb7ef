import { randomBytes } from "node:crypto";
import type { Clock } from "@scale/core";
import { registerLive } from "@scale/core/kit";
import { type ScriptRunner, type SubscriberLike, subscription } from "@scale/core/redis";
import type { CacheStore } from "../../store.js";
import { heartbeat } from "../lua/scripts.gen.js";
import { decodeMessage, encodeHeartbeat } from "./message.js";

/** Heartbeats that the server has taken and that have not arrived yet. More of them have no subscriber to arrive at. */
const MAX_UNHEARD = 3;

export const busChannel = (prefix: string): string => `${prefix}:bus`;

/**
 * The invalidation bus: subscribes to what caches invalidate, and confirms that no message was missed. A heartbeat is a
 * message from this subscription to itself. It takes the same way as all others, through the server, in its order, over the
 * same channel and connection. When it arrives, every invalidation that was published before it was sent has arrived too.
 */
export function createInvalidationBus(options: {
  readonly runner: ScriptRunner;
  readonly subscriber: SubscriberLike;
  readonly prefix: string;
  readonly clock: Clock;
}): NonNullable<CacheStore["subscribe"]> {
  const { runner, subscriber, prefix, clock } = options;
  const bus = busChannel(prefix);

  return (listener, everyMs) => {
    const id = randomBytes(12).toString("base64url");
    const unregister = registerLive("createCache", prefix);
    let isSubscribed = false;
    let disconnects = 0;
    // Heartbeats that the server has taken since the last one that arrived.
    let unheard = 0;
    const { start, end } = subscription(subscriber, [bus], {
      message(_channel, payload) {
        const message = decodeMessage(payload);
        if (message === undefined) listener.lost();
        else if (!("heartbeatOf" in message)) listener.invalidated(message);
        // A heartbeat from before a gap says nothing about the gap.
        else if (message.heartbeatOf === id && isSubscribed) {
          unheard = 0;
          listener.confirmed(message.atMs);
        }
      },
      lost() {
        disconnects++;
        isSubscribed = false;
        listener.lost();
      },
    });

    async function beat(): Promise<void> {
      // The application may have left the channel, which no event tells. Then invalidations were missed too.
      if (isSubscribed && unheard >= MAX_UNHEARD) {
        isSubscribed = false;
        listener.lost();
      }
      if (!isSubscribed) {
        const before = disconnects;
        await start();
        isSubscribed = disconnects === before;
        unheard = 0;
      }
      const args = [bus, encodeHeartbeat(id, clock.monotonic())];
      await runner.run(heartbeat, { keys: [`${prefix}:{heartbeat}`], args });
      unheard++;
    }

    const stop = repeat(beat, everyMs);
    return () => {
      unregister();
      stop();
      end();
    };
  };
}

/** Runs `work` now, and again `everyMs` after it has settled. Its rejection is ignored: the missing heartbeat is noticed. */
function repeat(work: () => Promise<void>, everyMs: number): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const later = (): void => {
    if (!isStopped) timer = setTimeout(run, everyMs).unref();
  };
  function run(): void {
    work().then(later, later);
  }
  run();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
