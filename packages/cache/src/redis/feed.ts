import type { Clock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { CacheStore, FeedListener } from "../store.js";
import { decodeInvalidation } from "./message.js";
import { beat } from "./scripts.gen.js";
import { type SubscriberLike, type Subscription, subscription } from "./subscriber.js";

interface FeedOptions {
  readonly runner: ScriptRunner;
  readonly subscriber: SubscriberLike;
  readonly prefix: string;
  readonly sender: string;
  readonly clock: Clock;
}

/**
 * Listens to invalidations, and proves that none is missed. A message to ourselves takes the way of all others: through the
 * server, in its order, over the same connection. Once it is here, all that was published before it was sent is here too.
 */
export function createFeed({
  runner,
  subscriber,
  prefix,
  sender,
  clock,
}: FeedOptions): NonNullable<CacheStore["listen"]> {
  const bus = `${prefix}:bus`;
  const beats = `${prefix}:beat:${sender}`;

  return (listener, everyMs) => {
    let timer: NodeJS.Timeout | undefined;
    let isSubscribed = false;
    let isEnded = false;
    const feed = subscription(subscriber, [bus, beats], {
      message: (channel, text) => (channel === beats ? listener.proven(Number(text)) : hear(text, sender, listener)),
      lost() {
        isSubscribed = false;
        listener.lost();
      },
    });

    const later = (): void => {
      if (!isEnded) timer = setTimeout(next, everyMs).unref();
    };
    const next = (): void => {
      step().then(later, later);
    };
    /** What it rejects with is no news: the proof that does not come is. */
    async function step(): Promise<void> {
      if (!isSubscribed) await subscribe(feed);
      isSubscribed = true;
      await runner.run(beat, { keys: [`${prefix}:{beat}`], args: [beats, String(clock.monotonic())] });
    }

    next();
    return () => {
      isEnded = true;
      clearTimeout(timer);
      feed.end();
    };
  };
}

async function subscribe(feed: Subscription): Promise<void> {
  await feed.start();
}

function hear(text: string, sender: string, listener: FeedListener): void {
  const what = decodeInvalidation(text);
  if (what === undefined) listener.lost();
  else if (what.from !== sender) listener.invalidated(what);
}
