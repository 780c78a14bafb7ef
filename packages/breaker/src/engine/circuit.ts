import { Call } from "../call.js";
import { classifyErrors, retryAfterMsOf } from "../classify.js";
import { ClosedError, type OpenError } from "../errors.js";
import { checkMode } from "../modes.js";
import type {
  Action,
  Breaker,
  BreakerMode,
  BreakerSnapshot,
  BreakerState,
  CallInput,
  Outcome,
  Settled,
} from "../types.js";
import type { BreakerEngine, BreakerSettings, EngineInput } from "./contract.js";
import { Machine } from "./machine.js";
import { outcomeOf } from "./outcome.js";
import type { Probe } from "./probes.js";
import { ShareClient } from "./share-client.js";
import type { Failure } from "./state.js";

/** The engine of this package. */
export const ownEngine: BreakerEngine = (input) => new Circuit(input);

/** A probe, a call like any other, or the error of a call that is refused. */
type Admission = Probe | OpenError | ClosedError | undefined;

/** A call while it runs. */
interface Permit {
  /** `undefined` for a call with invalid options, whose action did not run. */
  readonly call: Call | undefined;
  readonly generation: number;
  /** 0 when durations are not needed. */
  readonly startedMs: number;
  readonly probe: Probe | undefined;
}

/** Runs actions by the state machine, and tells it how they settled. */
class Circuit implements Breaker {
  readonly key: string | undefined;
  readonly #settings: BreakerSettings;
  readonly #machine: Machine;
  readonly #share: ShareClient | undefined;
  readonly #slowMs: number;
  /** True when values need no look: all of them are successes. */
  readonly #isPlain: boolean;
  #isClaiming = false;
  #isDisposed = false;

  constructor(input: EngineInput) {
    const { settings, key } = input;
    this.key = key;
    this.#settings = settings;
    this.#machine = new Machine(input);
    this.#share = settings.share && new ShareClient(settings.share, settings.name, key);
    this.#slowMs = settings.slowCall?.ms ?? Infinity;
    this.#isPlain = settings.classify === classifyErrors;
  }

  get name(): string {
    return this.#settings.name;
  }

  get state(): BreakerState {
    this.#machine.update(this.#now());
    return this.#machine.visibleState;
  }

  get mode(): BreakerMode {
    return this.#machine.mode;
  }

  run<T>(action: Action<T>, input?: CallInput): Promise<T> {
    const machine = this.#machine;
    if (machine.passes && !this.#isDisposed) return this.#runAdmitted(action, input, undefined);
    if (machine.mode === "disabled" && !this.#isDisposed) return runUncounted(action, input);
    // No throw on this path: refusals are frequent while a dependency is down.
    const admitted = this.#admit();
    if (admitted instanceof Error) return Promise.reject(admitted);
    if (!(admitted instanceof Promise)) return this.#runAdmitted(action, input, admitted);
    return admitted.then((granted) => {
      if (granted instanceof Error) throw granted;
      return this.#runAdmitted(action, input, granted);
    });
  }

  async #runAdmitted<T>(action: Action<T>, input: CallInput | undefined, probe: Probe | undefined): Promise<T> {
    const { generation } = this.#machine;
    const startedMs = this.#slowMs === Infinity ? 0 : this.#now();
    let call: Call | undefined;
    let value: T;
    try {
      call = Call.from(input);
      value = await action(call);
    } catch (error) {
      this.#settle({ error }, { call, generation, startedMs, probe });
      throw error;
    }
    if (this.#isPlain && probe === undefined) this.#recordSuccess(generation, startedMs);
    else this.#settle({ value }, { call, generation, startedMs, probe });
    return value;
  }

  setMode(mode: BreakerMode): void {
    this.#machine.setMode(checkMode(mode), this.#now());
  }

  snapshot(): BreakerSnapshot {
    return this.#machine.snapshot(this.#now());
  }

  restore(snapshot: unknown): boolean {
    return this.#machine.restore(snapshot, this.#now());
  }

  dispose(): void {
    this.#isDisposed = true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #now(): number {
    return this.#settings.clock.monotonic();
  }

  #admit(): Admission | Promise<Admission> {
    if (this.#isDisposed) return new ClosedError(this.name);
    const nowMs = this.#now();
    const { state } = this.#machine;
    const isDue = state.is === "open" && nowMs >= state.untilMs && this.#machine.mode === "auto";
    if (isDue && this.#share !== undefined) return this.#claimProbe(this.#share);
    return this.#machine.admit(nowMs);
  }

  /** Asks the other processes for the right to probe. Callers that come meanwhile are refused. */
  async #claimProbe(share: ShareClient): Promise<Admission> {
    const machine = this.#machine;
    if (this.#isClaiming) return machine.refusal("half-open", this.#settings.open.baseMs);
    const { generation } = machine;
    this.#isClaiming = true;
    const claim = await share.claimProbe(this.#settings.halfOpen.leaseMs);
    this.#isClaiming = false;
    if (this.#isDisposed) return new ClosedError(this.name);
    const { state } = machine;
    // The breaker was set or restored meanwhile: its present state decides.
    if (generation !== machine.generation || state.is !== "open") return this.#admit();
    if (claim.isGranted) machine.enterHalfOpen();
    else state.untilMs = this.#now() + Math.max(1, claim.retryAfterMs);
    return machine.admit(this.#now());
  }

  #recordSuccess(generation: number, startedMs: number): void {
    // A call that began before the state changed says nothing about the present.
    if (generation !== this.#machine.generation || this.#isDisposed) return;
    const nowMs = this.#now();
    this.#share?.countCall();
    const isOpened = this.#machine.record(nowMs, undefined, nowMs - startedMs >= this.#slowMs);
    if (isOpened) this.#reportState();
  }

  #settle(settled: Settled, permit: Permit): void {
    if (this.#isDisposed) return;
    const nowMs = this.#now();
    const machine = this.#machine;
    // A lease that ran out fails its probe, whatever came of it later.
    if (permit.probe !== undefined) machine.update(nowMs);
    if (permit.generation !== machine.generation) return;
    const outcome = outcomeOf(settled, permit.call, this.#settings);
    if (permit.probe !== undefined) return this.#settleProbe(outcome, { settled, permit, nowMs });
    if (outcome === "ignore" || outcome === "release") return;
    this.#share?.countCall();
    const failure = outcome === "failure" ? failureOf(settled, this.#settings) : undefined;
    const isOpened = machine.record(nowMs, failure, nowMs - permit.startedMs >= this.#slowMs);
    if (isOpened) this.#reportState();
    else if (failure !== undefined) this.#askOthers(failure);
  }

  #settleProbe(
    outcome: Outcome | "release",
    { settled, permit, nowMs }: { settled: Settled; permit: Permit; nowMs: number },
  ): void {
    const { probe } = permit;
    if (probe === undefined) return;
    const isUndecided =
      outcome === "release" || (outcome === "ignore" && this.#settings.halfOpen.ignored === "release");
    if (isUndecided) return this.#machine.releaseProbe(probe);
    const isSlow = nowMs - permit.startedMs >= this.#slowMs;
    const failure = outcome === "failure" || isSlow ? failureOf(settled, this.#settings) : undefined;
    if (this.#machine.settleProbe(nowMs, probe, failure) !== undefined) this.#reportState();
  }

  /** Tells the other processes what the calls of this one have shown. */
  #reportState(): void {
    if (this.#share === undefined) return;
    const { state } = this.#machine;
    if (state.is === "open") this.#share.reportOpen(state.untilMs - this.#now());
    else this.#share.reportClosed();
  }

  #askOthers({ error }: Failure): void {
    const { generation } = this.#machine;
    this.#share?.adviseAfterFailure((retryAfterMs) => {
      if (generation === this.#machine.generation && !this.#isDisposed) {
        this.#machine.openByQuorum(this.#now(), retryAfterMs, error);
      }
    });
  }
}

async function runUncounted<T>(action: Action<T>, input: CallInput | undefined): Promise<T> {
  return action(Call.from(input));
}

function failureOf(settled: Settled, { clock }: BreakerSettings): Failure {
  return { error: "error" in settled ? settled.error : undefined, retryAfterMs: retryAfterMsOf(settled, clock.now) };
}
