import type { Clock } from "@scale/core";
import type { RateLimiter } from "../limiter.js";
import type { SlotWaits } from "./slot-waits.js";
import type { SetTimer } from "./types.js";

/** The parts that all queues of a limiter share. */
export interface QueueParts {
  readonly limiter: Pick<RateLimiter, "name" | "check" | "acquire" | "refund">;
  readonly clock: Clock;
  readonly setTimer: SetTimer;
  /** Maximum number of queued requests of one key. */
  readonly queueLimit: number;
  /** Counts the queued requests of all keys. */
  readonly total: { queued: number; readonly limit: number };
  readonly slotWaits: SlotWaits;
  /** Called with the key of a queue that has become empty. */
  readonly onEmpty: (key: string) => void;
}
