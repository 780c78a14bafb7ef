import type { Duration } from "@scale/core";
import { durationOption } from "@scale/core/kit";
import { z } from "zod";

/**
 * Delay before the next attempt. `exponential` doubles from `base` up to `max`. With full jitter, the default, the delay is
 * random between 0 and that value, so that jobs that failed together do not come back together.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export type Backoff =
  | {
      readonly kind: "exponential";
      readonly base: Duration;
      readonly max?: Duration;
      readonly jitter?: "full" | "none";
    }
  | { readonly kind: "fixed"; readonly delay: Duration; readonly jitter?: "full" | "none" };

export interface ParsedBackoff {
  readonly baseMs: number;
  readonly maxMs: number;
  readonly isJittered: boolean;
}

const YEAR_MS = 366 * 86_400_000;
const delay = durationOption.pipe(z.number().max(YEAR_MS));
const jitter = z.enum(["full", "none"]).default("full");
const FIVE_MINUTES_MS = 300_000;

export const backoffOption: z.ZodType<ParsedBackoff> = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("exponential"), base: delay, max: delay.optional(), jitter }),
    z.strictObject({ kind: z.literal("fixed"), delay, jitter }),
  ])
  .transform((backoff): ParsedBackoff => {
    const isJittered = backoff.jitter === "full";
    if (backoff.kind === "fixed") return { baseMs: backoff.delay, maxMs: backoff.delay, isJittered };
    const { base, max = Math.max(base, FIVE_MINUTES_MS) } = backoff;
    return { baseMs: base, maxMs: max, isJittered };
  })
  .refine(({ baseMs, maxMs }) => baseMs <= maxMs, { path: ["max"], message: "expected at least base" });

export const DEFAULT_BACKOFF: ParsedBackoff = Object.freeze({ baseMs: 1000, maxMs: FIVE_MINUTES_MS, isJittered: true });

/**
 * Milliseconds before the next attempt.
 * @param attemptsMade failed attempts, an integer >= 1
 * @param random from 0 to 1
 */
export function backoffMs(
  { baseMs, maxMs, isJittered }: ParsedBackoff,
  attemptsMade: number,
  random: () => number,
): number {
  // 2 ** 1024 is Infinity, which the minimum turns into `maxMs`.
  const fullMs = Math.min(maxMs, baseMs * 2 ** (attemptsMade - 1));
  return isJittered ? Math.round(random() * fullMs) : fullMs;
}
