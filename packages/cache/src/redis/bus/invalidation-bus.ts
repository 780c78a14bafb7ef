import type { Clock } from "@scale/core";
import type { ScriptRunner } from "@scale/core/redis";
import type { CacheStore, InvalidationListener } from "../../store.js";
import { decodeInvalidation } from "./message.js";
import { beat } from "../scripts.gen.js";
import { type SubscriberLike, subscription } from "./subscriber.js";

export interface FeedOptions {
  readonly runner: ScriptRunner;
  readonly subscriber: SubscriberLike;
  readonly prefix: string;
  readonly sender: string;
  readonly clock: Clock;
}

/** The way on which messages come. */
export interface Wire {
  /** Beats in a row without a proof after which it is started again. */
  readonly patience: number;
  /** Told of that. What came before is not to be proven any more. */
  silent(): void;
  /** Rejects without a connection; may be tried again. */
  start(): Promise<unknown>;
  /** Sends what proves, when it comes, that all before it has come. Rejects when it cannot be sent. */
  beat(): Promise<unknown>;
  end(): void;
}

export interface WireListener extends InvalidationListener {
  /** The connection is gone: something may have been missed, and the wire must be started again. */
  broken(): void;
  /** A proof is wanted now. */
  hurry(): void;
}

type Listen = NonNullable<CacheStore["subscribe"]>;

/**
 * Listens to invalidations, and proves that none is missed. A message to ourselves takes the way of all others: through the
 * server, in its order, over the same connection. Once it is here, all that was published before it was sent is here too.
 */
export function createFeed({ runner, subscriber, prefix, sender, clock }: FeedOptions): Listen {
  const bus = busChannel(prefix);
  const beats = `${prefix}:beat:${sender}`;
  return feedOver((listener) => {
    const { start, end } = subscription(subscriber, [bus, beats], {
      message(channel, payload) {
        if (channel === beats) listener.confirmed(Number(payload));
        else hearBus(payload, sender, listener);
      },
      lost: () => listener.broken(),
    });
    return {
      patience: Infinity,
      silent: () => undefined,
      start,
      end,
      beat: () => runner.run(beat, { keys: [`${prefix}:{beat}`], args: [beats, String(clock.monotonic())] }),
    };
  });
}

export const busChannel = (prefix: string): string => `${prefix}:bus`;

/** Starts a wire, again when it breaks, and has it proven at least every `everyMs`. */
export function feedOver(open: (listener: WireListener) => Wire): Listen {
  return (listener, everyMs) => {
    let timer: NodeJS.Timeout | undefined;
    let isHurried = false;
    let isEnded = false;
    let isStarted = false;
    let breaks = 0;
    let unproven = 0;

    const later = (): void => {
      if (!isEnded) timer = setTimeout(next, isHurried ? 1 : everyMs).unref();
      isHurried = false;
    };
    const wire = open({
      invalidated: (what) => listener.invalidated(what),
      lost: () => listener.lost(),
      confirmed(atMs) {
        // It may have come before a gap that is not over.
        if (!isStarted) return;
        unproven = 0;
        listener.confirmed(atMs);
      },
      broken() {
        breaks++;
        isStarted = false;
        listener.lost();
      },
      hurry() {
        isHurried = true;
        if (timer === undefined) return;
        clearTimeout(timer);
        later();
      },
    });

    /** What it rejects with is no news: the proof that does not come is. */
    async function step(): Promise<void> {
      if (!isStarted || unproven >= wire.patience) {
        const before = breaks;
        if (isStarted) {
          wire.silent();
          listener.lost();
        }
        unproven = 0;
        isStarted = false;
        await wire.start();
        isStarted = breaks === before;
      }
      await wire.beat();
      unproven++;
    }
    function next(): void {
      timer = undefined;
      step().then(later, later);
    }

    next();
    return () => {
      isEnded = true;
      clearTimeout(timer);
      wire.end();
    };
  };
}

/** Tells what others published. */
export function hearBus(payload: unknown, sender: string, listener: InvalidationListener): void {
  const what = typeof payload === "string" ? decodeInvalidation(payload) : undefined;
  if (what === undefined) listener.lost();
  else if (what.from !== sender) listener.invalidated(what);
}
