import { type Clock, joinKey, type RateLimitRule } from "@scale/core";
import { admits, leak, remainingUnits, resetMicros, standing } from "./gcra.js";
import type { Charge, Take, Taken } from "./types.js";

interface Bucket {
  /** Units, at the time `at`. */
  used: number;
  at: number;
  emptyAt: number;
  /** Part of the burst that was used at the time `at`. */
  fill: number;
}

/** Buckets by key, in this process. */
export interface Table {
  take(take: Take): Taken;
  /** Charges every rule whatever it holds, up to full. */
  charge(take: Take): void;
}

/** Keys looked at when one must go. */
const SAMPLE = 16;
/** Keys looked at for expiry with every new one: above 1, so that expired keys go faster than new ones come. */
const SWEEP = 2;

/**
 * A bounded table without timers. New keys sweep out old ones whose bucket is empty, which loses nothing. When
 * `maxKeys` are in use, the emptiest of a few, measured by its own burst, is dropped: who rotates keys to flood the table drops his own.
 */
export function createTable({ clock, maxKeys }: { clock: Clock; maxKeys: number }): Table {
  const buckets = new Map<string, Bucket>();
  let hand = buckets.entries();

  function next(): [string, Bucket] | undefined {
    const step = hand.next();
    if (!step.done) return step.value;
    hand = buckets.entries();
    return undefined;
  }

  function sweep(now: number): void {
    for (let i = 0; i < SWEEP; i++) {
      const entry = next();
      if (entry !== undefined && entry[1].emptyAt <= now) buckets.delete(entry[0]);
    }
  }

  function makeRoom(now: number): void {
    let emptiest: string | undefined;
    let least = Infinity;
    for (let i = 0; i < SAMPLE; i++) {
      const [key, bucket] = next() ?? next() ?? [];
      if (key === undefined || bucket === undefined) continue;
      const fill = fillAt(bucket, now);
      if (fill >= least) continue;
      least = fill;
      emptiest = key;
    }
    if (emptiest !== undefined) buckets.delete(emptiest);
  }

  function write(key: string, bucket: Bucket): void {
    if (!buckets.has(key)) {
      sweep(bucket.at);
      if (buckets.size >= maxKeys) makeRoom(bucket.at);
    }
    buckets.set(key, bucket);
  }

  const keyOf = (take: Take, { scope, subject }: Charge): string => joinKey([take.tenantId, ...scope, subject]);

  function read(key: string, now: number, rule: RateLimitRule): number {
    const bucket = buckets.get(key);
    return bucket === undefined ? 0 : leak(bucket.used, now - bucket.at, rule);
  }

  return {
    take(take) {
      const now = clock.monotonic();
      const states = take.charges.map((charge) => {
        const key = keyOf(take, charge);
        return { key, rule: charge.rule, used: read(key, now, charge.rule) };
      });
      const allowed = states.every(({ used, rule }) => admits(used, take.cost, rule));
      const standings = states.map(({ key, rule, used }) => {
        const after = allowed ? used + take.cost : used;
        if (allowed && take.cost > 0) write(key, bucketOf(after, now, rule));
        const figures = { remaining: remainingUnits(after, rule), resetUs: resetMicros(after, rule) };
        return standing(figures, take.cost, rule);
      });
      return { allowed, standings };
    },
    charge(take) {
      const now = clock.monotonic();
      for (const charge of take.charges) {
        const key = keyOf(take, charge);
        const used = Math.min(read(key, now, charge.rule) + take.cost, charge.rule.burst);
        write(key, bucketOf(used, now, charge.rule));
      }
    },
  };
}

const bucketOf = (used: number, at: number, { limit, windowMs, burst }: RateLimitRule): Bucket => ({
  used,
  at,
  emptyAt: at + (used * windowMs) / limit,
  fill: used / burst,
});

const fillAt = ({ fill, at, emptyAt }: Bucket, now: number): number =>
  emptyAt <= now ? 0 : (fill * (emptyAt - now)) / (emptyAt - at);
