import type { Clock } from "@scale/core";
import { type ScriptRunner, type SubscriberLike, subscription } from "@scale/core/redis";
import type { CacheStore, InvalidationListener } from "../../store.js";
import { heartbeat } from "../lua/scripts.gen.js";
import { decodeInvalidation } from "./message.js";

export const busChannel = (prefix: string): string => `${prefix}:bus`;

/**
 * The invalidation bus: subscribes to what other processes invalidate, and confirms that no message was missed. A heartbeat
 * is a message from this process to itself. It takes the same way as all others, through the server, in its order, over the
 * same connection. When it arrives, every invalidation that was published before it was sent has arrived too.
 * @param options `sender` is the id of this store, whose own invalidations are skipped
 */
export function createInvalidationBus(options: {
  readonly runner: ScriptRunner;
  readonly subscriber: SubscriberLike;
  readonly prefix: string;
  readonly sender: string;
  readonly clock: Clock;
}): NonNullable<CacheStore["subscribe"]> {
  const { runner, subscriber, prefix, sender, clock } = options;
  const invalidations = busChannel(prefix);
  const heartbeats = `${prefix}:heartbeat:${sender}`;

  return (listener, everyMs) => {
    let isSubscribed = false;
    let disconnects = 0;
    const { start, end } = subscription(subscriber, [invalidations, heartbeats], {
      message(channel, payload) {
        if (channel === invalidations) onBusMessage(payload, sender, listener);
        // A heartbeat from before a gap says nothing about the gap.
        else if (isSubscribed) listener.confirmed(Number(payload));
      },
      lost() {
        disconnects++;
        isSubscribed = false;
        listener.lost();
      },
    });

    async function beat(): Promise<void> {
      if (!isSubscribed) {
        const before = disconnects;
        await start();
        isSubscribed = disconnects === before;
      }
      const args = [heartbeats, String(clock.monotonic())];
      await runner.run(heartbeat, { keys: [`${prefix}:{heartbeat}`], args });
    }

    const stop = repeat(beat, everyMs);
    return () => {
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

function onBusMessage(payload: string, sender: string, listener: InvalidationListener): void {
  const message = decodeInvalidation(payload);
  if (message === undefined) listener.lost();
  else if (message.from !== sender) listener.invalidated(message);
}
