import { functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Call } from "../call.js";
import { retryAfterMsOf } from "../classify.js";
import { callerTenant, retryRefuse, retryStart } from "../events.js";
import type { Action, CallInput, Policy, Settled } from "../types.js";
import { type Budget, budgetOption } from "./budget.js";
import { discard, isRetryable } from "./retryable.js";
import { sleep } from "./sleep.js";

export interface RetryOptions {
  /** Bounds the retries together with those of other calls to the dependency. */
  readonly budget: Budget;
  /** Attempts of one call, the first included. @default 3 */
  readonly attempts?: number;
  /** Back-off before the first retry, in milliseconds; it doubles. The delay is random between 0 and it. @default 50 */
  readonly baseMs?: number;
  /** Maximum of a delay, also of one that the dependency asked for with `Retry-After`: longer ones are not waited for. @default 2000 */
  readonly maxMs?: number;
  /**
   * Whether a settled call is worth another attempt.
   * @default errors of the network, timeouts, and the statuses 408, 425, 429, 500, 502, 503 and 504, for idempotent calls; for
   * others only errors that prove that nothing was sent
   */
  readonly when?: (settled: Settled, isIdempotent: boolean) => boolean;
  /** Appears in events. @default "retry" */
  readonly name?: string;
  /** Source of the jitter, 0 to 1. For tests. @default Math.random */
  readonly random?: () => number;
}

const optionsSchema = z
  .strictObject({
    budget: budgetOption,
    attempts: z.int().min(1).max(100).default(3),
    baseMs: z.number().min(0).max(60_000).default(50),
    maxMs: z.number().min(0).max(600_000).default(2000),
    when: functionOption<NonNullable<RetryOptions["when"]>>().default(() => isRetryable),
    name: z.string().min(1).default("retry"),
    random: functionOption<() => number>().default(() => Math.random),
  })
  .refine(({ baseMs, maxMs }) => baseMs <= maxMs, { path: ["maxMs"], message: "expected at least baseMs" });

type Parsed = z.output<typeof optionsSchema>;

/**
 * Repeats failed calls within a budget and the deadline of the call. Only calls with `idempotent: true` are repeated after
 * they may have been carried out. The last error, or the last response, is the result.
 */
export function retry(options: RetryOptions): Policy {
  const parsed = parseOptions(optionsSchema, options, "retry");
  return {
    async run<T>(action: Action<T>, input?: CallInput): Promise<T> {
      const call = Call.from(input);
      call.noteOnce(parsed.budget);
      for (let attempt = 1; ; attempt++) {
        const settled = await settle(action, attempt === 1 ? call : call.withAttempt(attempt));
        const delayMs = delayBefore(attempt + 1, settled, { call, parsed });
        if (delayMs === undefined) {
          if ("error" in settled) throw settled.error;
          return settled.value;
        }
        if ("value" in settled) discard(settled.value);
        await sleep(delayMs, call);
      }
    },
  };
}

async function settle<T>(action: Action<T>, call: Call): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await action(call) };
  } catch (error) {
    return { error };
  }
}

/** Milliseconds to wait before the next attempt; `undefined` when there is none. */
function delayBefore(
  attempt: number,
  settled: Settled,
  { call, parsed }: { call: Call; parsed: Parsed },
): number | undefined {
  const { budget, attempts, baseMs, maxMs, when, name, random } = parsed;
  if (attempt > attempts || call.abortReason !== undefined || !when(settled, call.idempotent)) return undefined;
  const error = "error" in settled ? settled.error : settled.value;
  const askedMs = retryAfterMsOf(settled);
  const delayMs = Math.max(askedMs, random() * Math.min(maxMs, baseMs * 2 ** (attempt - 2)));
  const refuse = (reason: "budget" | "deadline"): undefined => {
    retryRefuse.publish(() => ({ tenantId: callerTenant(), policy: name, attempt, reason, error }));
    return undefined;
  };
  // An attempt that would start at the deadline is of no use.
  if (askedMs > maxMs || delayMs >= call.remainingMs()) return refuse("deadline");
  if (!budget.take()) return refuse("budget");
  retryStart.publish(() => ({ tenantId: callerTenant(), policy: name, attempt, delayMs, error }));
  return delayMs;
}
