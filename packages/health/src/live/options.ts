import { z } from "zod";

export interface HeartbeatOptions {
  /** Delay of the event loop in milliseconds from which on a heartbeat is late. @default 5_000 */
  readonly maxDelayMs?: number;
  /**
   * Milliseconds during which every heartbeat must be late before the process is reported as dead. One long computation, and
   * a machine that was suspended, are over before that.
   * @default 60_000
   */
  readonly forMs?: number;
}

export const heartbeatSchema: z.ZodType<Required<HeartbeatOptions>> = z.strictObject({
  maxDelayMs: z.number().min(10).max(600_000).default(5_000),
  forMs: z.number().min(100).max(3_600_000).default(60_000),
});
