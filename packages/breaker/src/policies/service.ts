import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { createBreaker } from "../breaker.js";
import { classifyHttp } from "../classify.js";
import { type BreakerOptions, nameOption } from "../options.js";
import type { Breaker, Policy } from "../types.js";
import { type Budget, createBudget } from "./budget.js";
import { compose } from "./compose.js";
import { retry } from "./retry.js";
import { timeout, timerOption } from "./timeout.js";

export interface ServicePolicyOptions {
  /** Name of the service. Appears in errors and events. */
  readonly name: string;
  /** Time of one attempt in milliseconds. @default 1000 */
  readonly attemptTimeoutMs?: number;
  /** Time of the whole call with its retries, in milliseconds. @default 3000 */
  readonly timeoutMs?: number;
  /** Differences from the defaults of the breaker. */
  readonly breaker?: Partial<Omit<BreakerOptions, "name">>;
  /** @default a budget of its own: one extra attempt for five calls */
  readonly budget?: Budget;
}

export interface ServicePolicy extends Policy {
  readonly breaker: Breaker;
  readonly budget: Budget;
}

const optionsSchema = z.strictObject({
  name: nameOption,
  attemptTimeoutMs: timerOption.default(1000),
  timeoutMs: timerOption.default(3000),
  breaker: z.unknown().optional(),
  budget: z.unknown().optional(),
});

/** A dependency that answers again is found within a second: a probe is one call, so that asking often costs little. */
const OPEN = { baseMs: 500, maxMs: 1000 };
const RAMP_MS = 500;
/** An outage opens the breaker within the time of one attempt, whatever succeeded before. */
const CONSECUTIVE_FAILURES = 20;

/**
 * The policy for calls to another service: a deadline for the call, retries on a budget, a breaker that goes by HTTP status,
 * and a timeout for each attempt.
 *
 * ```ts nocheck
 * const billing = servicePolicy({ name: "billing" });
 * const response = await billing.run(({ signal }) => fetch(url, { signal }), { idempotent: true });
 * ```
 */
export function servicePolicy(options: ServicePolicyOptions): ServicePolicy {
  const { name, attemptTimeoutMs, timeoutMs } = parseOptions(optionsSchema, options, "servicePolicy");
  const { budget = createBudget() } = options;
  const defaults = { open: OPEN, rampMs: RAMP_MS, classify: classifyHttp, consecutiveFailures: CONSECUTIVE_FAILURES };
  const breaker = createBreaker({ ...defaults, ...options.breaker, name });
  const policy = compose(
    timeout({ timeoutMs, name }),
    retry({ budget, name }),
    breaker,
    timeout({ timeoutMs: attemptTimeoutMs, name }),
  );
  return { run: policy.run, breaker, budget };
}
