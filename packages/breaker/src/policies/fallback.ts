import { functionOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Call } from "../call.js";
import { callerTenant, fallbackUse } from "../events.js";
import type { Action, CallContext, CallInput, Policy } from "../types.js";
import { runWithin, timerOption } from "./timeout.js";

export interface FallbackOptions<F> {
  /** Produces the result that takes the place of a failed call. */
  readonly to: (error: unknown, call: CallContext) => F | PromiseLike<F>;
  /** Time that the fallback itself has, in milliseconds, whatever is left of the call's. @default 1000 */
  readonly timeoutMs?: number;
  /** Which errors the fallback is for. @default all but those of a caller that aborted */
  readonly when?: (error: unknown) => boolean;
  /** Appears in events and errors. @default "fallback" */
  readonly name?: string;
}

/** A policy whose calls resolve to the fallback's result when they fail. */
export interface FallbackPolicy<F> {
  /** Rejects with the error of the call when `when` excludes it, with the error of the fallback when that fails. */
  run<T>(action: Action<T>, call?: CallInput): Promise<T | F>;
}

const optionsSchema = z.strictObject({
  to: functionOption<FallbackOptions<unknown>["to"]>(),
  timeoutMs: timerOption.default(1000),
  when: functionOption<(error: unknown) => boolean>().optional(),
  name: z.string().min(1).default("fallback"),
});

/** Runs calls by a policy, and a fallback with a time limit of its own when they fail. Every use is published. */
export function withFallback<F>(policy: Policy, options: FallbackOptions<F>): FallbackPolicy<F> {
  const { timeoutMs, when, name } = parseOptions(optionsSchema, options, "withFallback");
  return {
    async run<T>(action: Action<T>, input?: CallInput): Promise<T | F> {
      const call = Call.from(input);
      try {
        return await policy.run(action, call);
      } catch (error) {
        if (call.isCancelled || when?.(error) === false) throw error;
        fallbackUse.publish(() => ({ tenantId: callerTenant(), policy: name, error }));
        return await runWithin((own) => options.to(error, own), call, { name, ms: timeoutMs });
      }
    },
  };
}
