import { type Clock, isScaleError, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Call } from "../call.js";
import { statusOf } from "../classify.js";
import { BusyError, withoutStack } from "../errors.js";
import { limitChange } from "../events.js";
import type { Action, CallInput, Policy, Settled } from "../types.js";
import { type VegasWindow } from "./next-limit.js";
import { Vegas } from "./vegas.js";

export interface AdaptiveLimitOptions {
  /** Concurrent calls at the start. @default 20 */
  readonly initial?: number;
  /** @default 1 */
  readonly min?: number;
  /** @default 1000 */
  readonly max?: number;
  /** Calls after which the limit is looked at again; fewer when they take longer than a second. @default 50 */
  readonly windowCalls?: number;
  /** Appears in errors and events. @default "adaptive limit" */
  readonly name?: string;
  /** For tests. */
  readonly clock?: Clock;
}

const optionsSchema = z
  .strictObject({
    initial: z.int().min(1).default(20),
    min: z.int().min(1).default(1),
    max: z.int().min(1).max(1_000_000).default(1000),
    windowCalls: z.int().min(10).max(10_000).default(50),
    name: z.string().min(1).default("adaptive limit"),
    clock: clockOption.default(systemClock),
  })
  .refine(({ min, initial, max }) => min <= initial && initial <= max, {
    path: ["initial"],
    message: "expected at least min and at most max",
  });

export interface AdaptiveLimit extends Policy {
  /** Concurrent calls that are admitted now. */
  readonly limit: number;
  readonly inFlight: number;
}

/**
 * Limits concurrent calls to as many as the dependency handles without a queue, found from their latencies. A call above the
 * limit is refused at once with `SCALE_BUSY`.
 */
export function adaptiveLimit(options: AdaptiveLimitOptions = {}): AdaptiveLimit {
  const { name, clock, ...limits } = parseOptions(optionsSchema, options, "adaptiveLimit");
  const vegas = new Vegas(limits, clock.monotonic());
  let inFlight = 0;

  function note(settled: Settled, call: Call, startedMs: number): void {
    if (call.isCancelled) return;
    const nowMs = clock.monotonic();
    const from = Math.floor(vegas.limit);
    let window: VegasWindow | undefined;
    if (isOverload(settled)) {
      vegas.noteOverload();
      window = vegas.closeOverloaded(nowMs);
    } else if ("value" in settled) window = vegas.sample(nowMs, nowMs - startedMs);
    const to = Math.floor(vegas.limit);
    if (window === undefined || from === to) return;
    const { latencyMs, baselineMs } = window;
    limitChange.publish(() => ({ policy: name, from, to, latencyMs, baselineMs }));
  }

  return {
    get limit() {
      return Math.floor(vegas.limit);
    },
    get inFlight() {
      return inFlight;
    },
    async run<T>(action: Action<T>, input?: CallInput): Promise<T> {
      const call = Call.from(input);
      if (inFlight >= Math.floor(vegas.limit)) throw withoutStack(() => new BusyError(name, "shed"));
      const startedMs = clock.monotonic();
      vegas.noteInFlight(++inFlight);
      try {
        const value = await action(call);
        note({ value }, call, startedMs);
        return value;
      } catch (error) {
        note({ error }, call, startedMs);
        throw error;
      } finally {
        inFlight--;
      }
    },
  };
}

/** Too much was asked of the dependency. Other errors have no meaningful latency, and are left out. */
function isOverload(settled: Settled): boolean {
  if ("error" in settled && isScaleError(settled.error, "SCALE_TIMEOUT")) return true;
  const status = statusOf("error" in settled ? settled.error : settled.value);
  return status === 429 || status === 503;
}
