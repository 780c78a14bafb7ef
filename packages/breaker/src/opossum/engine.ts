import { ConfigError } from "@scale/core";
import CircuitBreaker from "opossum";
import { Call } from "../call.js";
import type { BreakerEngine, BreakerSettings, EngineHooks, EngineInput } from "../engine/contract.js";
import { outcomeOf } from "../engine/outcome.js";
import { refusal } from "../engine/refusal.js";
import { ClosedError, type OpenError } from "../errors.js";
import { modeChange, stateChange } from "../events.js";
import { checkMode } from "../modes.js";
import type {
  Action,
  Breaker,
  BreakerMode,
  BreakerSnapshot,
  BreakerState,
  CallInput,
  ChangeReason,
  Outcome,
} from "../types.js";

/**
 * The engine over opossum 9 or 10, for teams that stay with it. Its percentiles, snapshots and timeout are off: compose
 * `timeout` and `bulkhead` instead. `failureRate`, `minimumCalls`, the time window and `open.baseMs` apply; probing is
 * opossum's own, with one probe, no lease, no ramp and the same open time each time.
 * @throws {ConfigError} for a count or consecutive window, `consecutiveFailures`, `slowCall` and `share`
 */
export const opossumEngine: BreakerEngine = (input) => new OpossumBreaker(input);

/** Carries a value that counts as a failure through opossum, which only knows errors. */
class FailedValue {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

type Job = () => Promise<unknown>;

class OpossumBreaker implements Breaker {
  readonly key: string | undefined;
  readonly #settings: BreakerSettings;
  readonly #hooks: EngineHooks | undefined;
  readonly #circuit: CircuitBreaker<[Job]>;
  #mode: BreakerMode;
  #state: BreakerState = "closed";
  #openedMs = 0;
  #openings = 0;
  #lastError: unknown;
  #reason: ChangeReason | undefined;
  #changedAtMs: number | undefined;
  #isDisposed = false;

  constructor({ settings, key, hooks }: EngineInput) {
    refuseUnsupported(settings);
    this.key = key;
    this.#settings = settings;
    this.#hooks = hooks;
    this.#mode = settings.mode;
    this.#circuit = new CircuitBreaker(
      (job: Job) => job(),
      circuitOptions(settings, (error) => this.#isHarmless(error)),
    );
    this.#circuit.on("open", () => this.#onOpen());
    this.#circuit.on("halfOpen", () => this.#onChange("half-open", "open-time-over"));
    this.#circuit.on("close", () => this.#onChange("closed", "probes-succeeded"));
  }

  get name(): string {
    return this.#settings.name;
  }

  get mode(): BreakerMode {
    return this.#mode;
  }

  get state(): BreakerState {
    if (this.#mode === "forced-open") return "open";
    return this.#mode === "auto" ? this.#state : "closed";
  }

  async run<T>(action: Action<T>, input?: CallInput): Promise<T> {
    const call = Call.from(input);
    if (this.#isDisposed) throw new ClosedError(this.name);
    if (this.#mode === "forced-open") throw this.#refusal("forced-open", Infinity);
    if (this.#mode !== "auto") return action(call);
    // Before opossum sees the call: its own refusal would build an error with a stack trace.
    if (this.#circuit.opened) throw this.#refusal("open", this.#retryAfterMs());
    return this.#fire(action, call);
  }

  async #fire<T>(action: Action<T>, call: Call): Promise<T> {
    let result: { readonly value: T } | undefined;
    const job: Job = async () => {
      let value: T;
      try {
        value = await action(call);
      } catch (error) {
        throw new Failed(error, outcomeOf({ error }, call, this.#settings));
      }
      result = { value };
      if (outcomeOf({ value }, call, this.#settings) === "failure") throw new FailedValue(value);
      return undefined;
    };
    try {
      await this.#circuit.fire(job);
    } catch (error) {
      if (error instanceof Failed) throw error.error;
      if (error instanceof FailedValue && result !== undefined) return result.value;
      if (isRefusal(error)) throw this.#refusal("half-open", this.#settings.open.baseMs);
      throw error;
    }
    if (result === undefined) throw this.#refusal("half-open", this.#settings.open.baseMs);
    return result.value;
  }

  setMode(mode: BreakerMode): void {
    checkMode(mode);
    const from = this.#mode;
    this.#mode = mode;
    this.#circuit.close();
    if (from !== mode) modeChange.publish(() => ({ breaker: this.name, key: this.key, from, to: mode }));
  }

  snapshot(): BreakerSnapshot {
    const { fires, failures } = this.#circuit.stats;
    const { state } = this;
    return {
      ...{ name: this.name, key: this.key, mode: this.#mode, state },
      ...{ reason: this.#reason, changedAtMs: this.#changedAtMs },
      ...{ calls: fires, failures, slow: 0, admittedShare: state === "closed" ? 1 : 0 },
      retryAfterMs: state === "open" && this.#mode === "auto" ? this.#retryAfterMs() : 0,
      openings: this.#openings,
      atMs: this.#settings.clock.now(),
    };
  }

  /** Opens the circuit for a snapshot that is open, for the whole of opossum's open time. */
  restore(snapshot: unknown): boolean {
    if (typeof snapshot !== "object" || snapshot === null || !("state" in snapshot)) return false;
    if (snapshot.state === "open" || snapshot.state === "half-open") this.#circuit.open();
    return true;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#circuit.shutdown();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #onOpen(): void {
    if (this.#hooks?.mayOpen() === false) {
      this.#circuit.close();
      return;
    }
    this.#openedMs = this.#settings.clock.monotonic();
    this.#openings++;
    this.#onChange("open", this.#state === "half-open" ? "probe-failed" : "failure-rate");
  }

  #onChange(to: BreakerState, reason: ChangeReason): void {
    const from = this.#state;
    if (from === to || this.#isDisposed) return;
    this.#state = to;
    this.#reason = reason;
    this.#changedAtMs = this.#settings.clock.now();
    if (to === "closed") this.#openings = 0;
    this.#hooks?.onStateChange(from, to);
    const openMs = to === "open" ? this.#settings.open.baseMs : 0;
    stateChange.publish(() => {
      const { fires, failures } = this.#circuit.stats;
      return { breaker: this.name, key: this.key, from, to, reason, calls: fires, failures, slow: 0, openMs };
    });
  }

  #retryAfterMs(): number {
    return Math.max(0, this.#openedMs + this.#settings.open.baseMs - this.#settings.clock.monotonic());
  }

  #refusal(state: OpenError["state"], retryAfterMs: number): OpenError {
    return refusal({ breaker: this.name, key: this.key, state, retryAfterMs, cause: this.#lastError });
  }

  /** True for an error that opossum must not count as a failure. */
  #isHarmless(error: unknown): boolean {
    if (!(error instanceof Failed)) return false;
    if (error.outcome === "failure") this.#lastError = error.error;
    return error.outcome !== "failure";
  }
}

/** Carries any thrown value through opossum, with the outcome that it counts as. */
class Failed {
  readonly error: unknown;
  readonly outcome: Outcome | "release";

  constructor(error: unknown, outcome: Outcome | "release") {
    this.error = error;
    this.outcome = outcome;
  }
}

/** opossum's own refusals. */
const isRefusal = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "EOPENBREAKER" || error.code === "ESHUTDOWN");

function circuitOptions(
  { name, window, failureRate, minimumCalls, open }: BreakerSettings,
  errorFilter: (error: unknown) => boolean,
): CircuitBreaker.Options {
  const time = window.type === "time" ? window : { ms: 10_000, buckets: 10 };
  return {
    name,
    timeout: false,
    errorThresholdPercentage: failureRate * 100,
    volumeThreshold: minimumCalls,
    resetTimeout: open.baseMs,
    rollingCountTimeout: time.ms,
    rollingCountBuckets: time.buckets,
    rollingPercentilesEnabled: false,
    enableSnapshots: false,
    errorFilter,
  };
}

/** An option that would be ignored is an error: the caller relies on it. */
function refuseUnsupported({ window, consecutiveFailures, slowCall, share }: BreakerSettings): void {
  const wrong = [
    window.type === "time" ? undefined : "window: expected a time window",
    consecutiveFailures === undefined ? undefined : "consecutiveFailures: expected none",
    slowCall === undefined ? undefined : "slowCall: expected none",
    share === undefined ? undefined : "share: expected none",
  ].filter((each) => each !== undefined);
  if (wrong.length > 0) throw new ConfigError(`opossumEngine: ${wrong.join("; ")}: use ownEngine`);
}
