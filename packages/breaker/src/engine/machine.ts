import type { OpenError } from "../errors.js";
import { modeChange, stateChange, tripWithhold } from "../events.js";
import type { BreakerMode, BreakerSnapshot, BreakerState, ChangeReason } from "../types.js";
import { backOffMs, openTimeMs } from "./back-off.js";
import type { BreakerSettings, EngineHooks, EngineInput } from "./contract.js";
import { createWindow, tripReason } from "./create-window.js";
import { type Probe, Probes } from "./probes.js";
import { rampShare, ShareSplitter } from "./ramp.js";
import { refusal } from "./refusal.js";
import { parseSnapshot } from "./restore.js";
import { admittedShare, CLOSED, type Failure, type State } from "./state.js";
import type { CallWindow } from "./window.js";

/**
 * The state machine of one breaker. It has no timer: every method is told the time, and does first what was due before.
 * `generation` changes with the state, so that a call that began before a change does not count after it.
 */
export class Machine {
  readonly settings: BreakerSettings;
  readonly #key: string | undefined;
  readonly #hooks: EngineHooks | undefined;
  /** True when another party grants the half-open state: `enterHalfOpen` is called from outside. */
  readonly #isLeased: boolean;
  readonly #window: CallWindow;
  #mode: BreakerMode;
  #state: State = CLOSED;
  /** Failures since the last success. */
  #consecutive = 0;
  #openings = 0;
  #closedSinceMs = 0;
  /** The last change of the state, for snapshots. */
  #reason: ChangeReason | undefined;
  #changedAtMs: number | undefined;
  /** Time up to which the dependency asked to wait. */
  #retryAtMs = 0;
  generation = 0;
  /** True while every call is admitted and counted, without a look at the state. */
  passes = true;

  constructor({ settings, key, hooks }: EngineInput) {
    this.settings = settings;
    this.#key = key;
    this.#hooks = hooks;
    this.#isLeased = settings.share !== undefined;
    this.#window = createWindow(settings);
    this.#mode = settings.mode;
    this.#setPasses();
  }

  get mode(): BreakerMode {
    return this.#mode;
  }

  get state(): State {
    return this.#state;
  }

  /** @returns a probe while half-open, `undefined` for a call like any other, an error for a call that is refused */
  admit(nowMs: number): Probe | OpenError | undefined {
    if (this.#mode === "forced-open") return this.refusal("forced-open", Infinity);
    this.update(nowMs);
    const state = this.#state;
    if (state.is === "open") return this.refusal("open", Math.max(0, state.untilMs - nowMs));
    if (state.is === "ramping") {
      const elapsedMs = nowMs - state.sinceMs;
      if (state.splitter.admits(rampShare(elapsedMs, this.settings.rampMs))) return undefined;
      return this.refusal("ramping", this.settings.rampMs - elapsedMs);
    }
    if (state.is === "closed") return undefined;
    const waitMs = Math.min(state.probes.leaseLeftMs(nowMs), this.settings.open.baseMs);
    return state.probes.acquire(nowMs) ?? this.refusal("half-open", waitMs);
  }

  /** Does what was due: ends an open time, a probe's lease, a ramp. */
  update(nowMs: number): void {
    for (;;) {
      const state = this.#state;
      if (state.is === "open" && nowMs >= state.untilMs && !this.#isLeased) return this.enterHalfOpen();
      if (state.is === "ramping" && nowMs - state.sinceMs >= this.settings.rampMs) return this.#endRamp();
      if (state.is !== "half-open") return;
      const expiredMs = state.probes.expireOne(nowMs);
      if (expiredMs === undefined) return;
      // Dated back to the end of the lease: the open time may be over by now too.
      if (state.probes.verdict === "failed") this.#open("lease-expired", expiredMs, undefined);
    }
  }

  /** @returns true when the calls of this process opened the breaker */
  record(nowMs: number, failure: Failure | undefined, isSlow: boolean): boolean {
    const window = this.#window;
    window.record(nowMs, failure !== undefined, isSlow);
    if (failure === undefined) this.#consecutive = 0;
    else {
      // After a stretch without calls the failures before it say nothing.
      this.#consecutive = window.calls === 1 ? 1 : this.#consecutive + 1;
      this.#noteRetryAfter(nowMs, failure);
    }
    const reason = tripReason(window, this.#consecutive, this.settings);
    if (reason === undefined || this.#withholds()) return false;
    this.#open(reason, nowMs, failure?.error);
    return true;
  }

  /** @returns how the half-open state ended, if this probe ended it */
  settleProbe(nowMs: number, probe: Probe, failure: Failure | undefined): "recovered" | "failed" | undefined {
    const state = this.#state;
    if (state.is !== "half-open") return undefined;
    state.probes.settle(probe, failure === undefined);
    if (failure !== undefined) this.#noteRetryAfter(nowMs, failure);
    const { verdict } = state.probes;
    if (verdict === "undecided") return undefined;
    if (verdict === "failed") this.#open("probe-failed", nowMs, failure?.error);
    else this.#recover(nowMs);
    return verdict;
  }

  releaseProbe(probe: Probe): void {
    if (this.#state.is === "half-open") this.#state.probes.release(probe);
  }

  enterHalfOpen(): void {
    const cause = this.#state.is === "open" ? this.#state.cause : undefined;
    this.#change({ is: "half-open", probes: new Probes(this.settings.halfOpen), cause }, "open-time-over");
  }

  /** Opens by the advice of other processes, for as long as they wait, within the bounds of a back-off. */
  openByQuorum(nowMs: number, retryAfterMs: number, cause: unknown): void {
    if (this.#mode !== "auto" || (this.#state.is !== "closed" && this.#state.is !== "ramping")) return;
    if (this.#withholds()) return;
    const { baseMs, maxMs } = this.settings.open;
    this.#openFor("quorum", nowMs, { openMs: Math.min(maxMs, Math.max(baseMs, retryAfterMs)), cause });
  }

  setMode(mode: BreakerMode, nowMs: number): void {
    const from = this.#mode;
    this.#mode = mode;
    this.#openings = 0;
    this.#retryAtMs = 0;
    this.#closedSinceMs = nowMs;
    this.#change(CLOSED, "manual");
    if (from !== mode) modeChange.publish(() => ({ ...this.#about(), from, to: mode }));
  }

  restore(snapshot: unknown, nowMs: number): boolean {
    const { clock, open } = this.settings;
    const stored = parseSnapshot(snapshot, clock.now());
    if (stored === undefined) return false;
    this.#mode = stored.mode;
    this.#openings = stored.openings;
    const untilMs = nowMs + Math.min(stored.openMs, Math.max(open.maxMs, open.maxRetryAfterMs));
    this.#change(stored.isOpen ? { is: "open", untilMs, cause: undefined } : CLOSED, "restored");
    return true;
  }

  snapshot(nowMs: number): BreakerSnapshot {
    this.update(nowMs);
    this.#window.expire(nowMs);
    const { calls, failures, slow } = this.#window;
    const state = this.#state;
    const isForced = this.#mode === "forced-open";
    return {
      ...{ name: this.settings.name, key: this.#key, mode: this.#mode, state: this.visibleState },
      ...{ reason: this.#reason, changedAtMs: this.#changedAtMs },
      ...{ calls, failures, slow, admittedShare: isForced ? 0 : admittedShare(state, nowMs, this.settings.rampMs) },
      retryAfterMs: state.is === "open" ? Math.max(0, state.untilMs - nowMs) : 0,
      openings: this.#openings,
      atMs: this.settings.clock.now(),
    };
  }

  get visibleState(): BreakerState {
    return this.#mode === "forced-open" ? "open" : this.#state.is;
  }

  refusal(state: OpenError["state"], retryAfterMs: number): OpenError {
    const cause = "cause" in this.#state ? this.#state.cause : undefined;
    return refusal({ breaker: this.settings.name, key: this.#key, state, retryAfterMs, cause });
  }

  #about() {
    return { breaker: this.settings.name, key: this.#key };
  }

  /** True when the breaker must stay closed although its window says otherwise. */
  #withholds(): boolean {
    const isManual = this.#mode !== "auto";
    if (!isManual && this.#hooks?.mayOpen() !== false) return false;
    const { calls, failures, slow } = this.#window;
    if (this.#mode !== "forced-closed") {
      const reason = isManual ? "metrics-only" : "max-open-fraction";
      tripWithhold.publish(() => ({ ...this.#about(), reason, calls, failures, slow }));
    }
    this.#window.clear();
    return true;
  }

  #noteRetryAfter(nowMs: number, { retryAfterMs }: Failure): void {
    if (retryAfterMs > 0) this.#retryAtMs = Math.max(this.#retryAtMs, nowMs + retryAfterMs);
  }

  #open(reason: ChangeReason, nowMs: number, cause: unknown): void {
    const { open, random } = this.settings;
    const wasClosed = this.#state.is === "closed" || this.#state.is === "ramping";
    // A breaker that stayed closed longer than the next open time would last starts again from the first step: its dependency
    // fails now and then, and is not flapping.
    if (wasClosed && nowMs - this.#closedSinceMs >= backOffMs(open, this.#openings + 1)) this.#openings = 0;
    this.#openings++;
    const retryAfterMs = Math.max(0, this.#retryAtMs - nowMs);
    this.#retryAtMs = 0;
    const openMs = openTimeMs(open, { openings: this.#openings, retryAfterMs, random: random() });
    this.#openFor(reason, nowMs, { openMs, cause });
  }

  #openFor(reason: ChangeReason, nowMs: number, { openMs, cause }: { openMs: number; cause: unknown }): void {
    this.#change({ is: "open", untilMs: nowMs + openMs, cause }, reason, openMs);
  }

  #recover(nowMs: number): void {
    this.#closedSinceMs = nowMs;
    const isRamped = this.settings.rampMs > 0;
    const splitter = new ShareSplitter();
    this.#change(isRamped ? { is: "ramping", sinceMs: nowMs, splitter } : CLOSED, "probes-succeeded");
  }

  /** The same generation: calls that began in the ramp count on. */
  #endRamp(): void {
    this.#state = CLOSED;
    this.#setPasses();
    this.#publish("ramping", { to: "closed", reason: "ramp-done", openMs: 0 });
  }

  #change(state: State, reason: ChangeReason, openMs = 0): void {
    const from = this.#state.is;
    this.#state = state;
    this.generation++;
    this.#setPasses();
    if (from !== state.is) this.#publish(from, { to: state.is, reason, openMs });
    this.#window.clear();
  }

  #publish(from: BreakerState, change: { to: BreakerState; reason: ChangeReason; openMs: number }): void {
    const { calls, failures, slow } = this.#window;
    this.#reason = change.reason;
    this.#changedAtMs = this.settings.clock.now();
    this.#hooks?.onStateChange(from, change.to);
    stateChange.publish(() => ({ ...this.#about(), from, ...change, calls, failures, slow }));
  }

  #setPasses(): void {
    this.passes = this.#state.is === "closed" && this.#mode !== "forced-open" && this.#mode !== "disabled";
  }
}
