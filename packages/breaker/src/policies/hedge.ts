import { type Clock, systemClock } from "@scale/core";
import { clockOption, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { Call } from "../call.js";
import { callerTenant, hedgeStart } from "../events.js";
import type { Action, Policy } from "../types.js";
import { type Budget, budgetOption } from "./budget.js";
import { LatencyQuantile } from "./latency-quantile.js";
import { discard, isRetryable } from "./retryable.js";
import { start, timerOption } from "./timeout.js";

export interface HedgeOptions {
  /** Bounds the hedges together with the retries of calls to the dependency. */
  readonly budget: Budget;
  /** Milliseconds after which a second attempt starts beside the first. @default the `quantile` of earlier calls */
  readonly afterMs?: number;
  /** Part of the calls that are faster than the delay. @default 0.95 */
  readonly quantile?: number;
  /** Appears in events. @default "hedge" */
  readonly name?: string;
  /** Clock of the latencies, for tests. */
  readonly clock?: Clock;
}

const optionsSchema = z.strictObject({
  budget: budgetOption,
  afterMs: timerOption.optional(),
  quantile: z.number().min(0.5).max(0.999).default(0.95),
  name: z.string().min(1).default("hedge"),
  clock: clockOption.default(systemClock),
});

type Parsed = z.output<typeof optionsSchema>;

/** Latencies before the first hedge. */
const MIN_SAMPLES = 100;

/**
 * Starts a second attempt of a slow call, and takes the first good answer; the other attempt is aborted. Only calls with
 * `idempotent: true` are hedged. Without `afterMs` the first 100 calls are not.
 */
export function hedge(options: HedgeOptions): Policy {
  const parsed = parseOptions(optionsSchema, options, "hedge");
  const latencies = new LatencyQuantile(parsed.quantile);
  return {
    async run(action, input) {
      const call = Call.from(input);
      call.noteOnce(parsed.budget);
      if (!call.idempotent) return action(call);
      return new Race({ action, call, parsed, latencies }).run();
    },
  };
}

interface RaceInput<T> {
  readonly action: Action<T>;
  readonly call: Call;
  readonly parsed: Parsed;
  readonly latencies: LatencyQuantile;
}

/** One hedged call. */
class Race<T> {
  readonly #input: RaceInput<T>;
  readonly #running = new Map<Call, number>();
  #loss: { readonly value: T } | { readonly error: unknown } | undefined;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  #resolve: (value: T) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(input: RaceInput<T>) {
    this.#input = input;
  }

  run(): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const delayMs = this.#delayMs();
      if (delayMs !== undefined) this.#timer = setTimeout(() => this.#hedge(delayMs), delayMs);
      this.#launch(this.#input.call.attempt);
    });
  }

  #delayMs(): number | undefined {
    const { parsed, latencies } = this.#input;
    return parsed.afterMs ?? (latencies.count >= MIN_SAMPLES ? Math.ceil(latencies.valueMs) : undefined);
  }

  #hedge(delayMs: number): void {
    const { call, parsed } = this.#input;
    if (call.abortReason !== undefined || !parsed.budget.take()) return;
    const attempt = call.attempt + 1;
    hedgeStart.publish(() => ({ tenantId: callerTenant(), policy: parsed.name, attempt, delayMs }));
    this.#launch(attempt);
  }

  #launch(attempt: number): void {
    const { action, call, parsed } = this.#input;
    const own = call.withAttempt(attempt).abortable();
    this.#running.set(own, parsed.clock.monotonic());
    start(action, own).then(
      (value) => this.#onValue(own, value),
      (error: unknown) => this.#onLoss(own, { error }),
    );
  }

  #onValue(own: Call, value: T): void {
    // A fast 503 does not win over an attempt that still runs.
    if (this.#isOver) discard(value);
    else if (isRetryable({ value }, true)) this.#onLoss(own, { value });
    else this.#win(own, value);
  }

  #win(own: Call, value: T): void {
    this.#measure(own);
    this.#end();
    for (const other of this.#running.keys()) {
      // The time so far is a lower bound of its latency: without it, slow calls would not count.
      this.#measure(other);
      other.abort(new DOMException("another attempt has answered", "AbortError"));
      other.end();
    }
    this.#resolve(value);
  }

  #onLoss(own: Call, loss: { readonly value: T } | { readonly error: unknown }): void {
    own.end();
    if (this.#isOver) return;
    this.#running.delete(own);
    if (this.#loss !== undefined && "value" in loss) discard(loss.value);
    this.#loss ??= loss;
    if (this.#running.size > 0) return;
    this.#end();
    if ("error" in this.#loss) this.#reject(this.#loss.error);
    else this.#resolve(this.#loss.value);
  }

  #measure(own: Call): void {
    const { parsed, latencies } = this.#input;
    const startedMs = this.#running.get(own);
    if (startedMs !== undefined) latencies.record(parsed.clock.monotonic() - startedMs);
    this.#running.delete(own);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }
}
