/** `ramping`: closed again, with a growing share of the calls admitted. */
export type BreakerState = "closed" | "open" | "half-open" | "ramping";

/**
 * `auto`: the breaker decides. `forced-open` refuses every call. `forced-closed` admits every call and still counts.
 * `metrics-only` does too, and publishes when it would have opened. `disabled` admits every call and counts nothing.
 */
export type BreakerMode = "auto" | "forced-open" | "forced-closed" | "disabled" | "metrics-only";

/** Why a breaker changed its state. */
export type ChangeReason =
  /** The share of failures, or of slow calls, reached its threshold. */
  | "failure-rate"
  | "slow-rate"
  | "consecutive-failures"
  /** Enough other processes opened, and this one had a failure too. */
  | "quorum"
  /** The open time is over. */
  | "open-time-over"
  /** Probes failed, or one did not settle within its lease. */
  | "probe-failed"
  | "lease-expired"
  | "probes-succeeded"
  /** The whole load is admitted again. */
  | "ramp-done"
  /** `setMode` or `restore`. */
  | "manual"
  | "restored";

/** How a settled call counts. `ignore`: it says nothing about the health of the dependency. */
export type Outcome = "success" | "failure" | "ignore";

/** A settled call. */
export type Settled = { readonly value: unknown } | { readonly error: unknown };

/** Decides how a settled call counts. One that throws counts the call as a failure. */
export type Classify = (settled: Settled) => Outcome;

/** Context of one call, for its action. */
export interface CallContext {
  /** Aborts when this call is no longer wanted: the caller aborted, its timeout passed, a hedge won. Created on first access. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly key: string | undefined;
  /** True when the caller declared that the action may run more than once. */
  readonly idempotent: boolean;
  /** Milliseconds until the deadline of the call, never below 0; `Infinity` without a deadline. */
  remainingMs(): number;
}

export interface CallOptions {
  /** Signal of the caller. */
  readonly signal?: AbortSignal;
  /** Time for the whole call, in milliseconds. A deadline of the context that ends earlier holds instead. */
  readonly timeoutMs?: number;
  /** Key of a bulkhead or of a registry of breakers: a tenant, a host. */
  readonly key?: string | undefined;
  /**
   * True when the action may run more than once for one call: it may be retried and hedged. Without it a call is repeated
   * only after an error that proves that nothing was sent.
   * @default false
   */
  readonly idempotent?: boolean;
}

/** Work that a policy runs. It may run several times at once. */
export type Action<T> = (call: CallContext) => T | PromiseLike<T>;

/** Options of a call, or the context that an outer policy handed on. */
export type CallInput = CallOptions | CallContext;

/** Runs actions under a rule. Policies nest: see `compose`. */
export interface Policy {
  /**
   * Runs the action and returns its result. A policy hands `call`, or a context derived from it, to the action.
   * Rejects with the error of the action, with the reason of `call.signal` when that aborts, or with an error of the policy.
   */
  run<T>(action: Action<T>, call?: CallInput): Promise<T>;
}

/** Serializable state of a breaker, for an admin page and for `restore`. */
export interface BreakerSnapshot {
  readonly name: string;
  readonly key: string | undefined;
  readonly mode: BreakerMode;
  readonly state: BreakerState;
  /** Why the state changed last; `undefined` before the first change. */
  readonly reason: ChangeReason | undefined;
  /** Wall time of that change, in milliseconds since the epoch; `undefined` before the first. */
  readonly changedAtMs: number | undefined;
  /** Settled calls in the window. */
  readonly calls: number;
  readonly failures: number;
  /** Calls that took longer than `slowCall.ms`. */
  readonly slow: number;
  /** Share of the calls that would be admitted now: 1 closed, 0 open. While half-open it is 0 too: probes are counted, not shared. */
  readonly admittedShare: number;
  /** Milliseconds until probes are admitted; 0 unless open. */
  readonly retryAfterMs: number;
  /** Openings in a row, which the next open time grows with. */
  readonly openings: number;
  /** Wall time of the snapshot, in milliseconds since the epoch. */
  readonly atMs: number;
}

export interface Breaker extends Policy, Disposable {
  readonly name: string;
  /** Key within a registry. */
  readonly key: string | undefined;
  /** State that a call would meet now, in mode `auto`. */
  readonly state: BreakerState;
  readonly mode: BreakerMode;
  /**
   * Runs the action if the breaker admits it.
   * @throws {OpenError} `SCALE_OPEN` without running the action
   * @throws {ClosedError} `SCALE_CLOSED` after `dispose`
   */
  run<T>(action: Action<T>, call?: CallInput): Promise<T>;
  /**
   * Overrides the breaker by hand. Each change starts from a closed breaker with an empty window.
   * @throws {TypeError} for a value that is no mode
   */
  setMode(mode: BreakerMode): void;
  snapshot(): BreakerSnapshot;
  /**
   * Takes over the state of an earlier process. Time that has passed since the snapshot counts. The window starts empty, and
   * a value that is no snapshot of this version is ignored.
   * @returns true when the snapshot was taken over
   */
  restore(snapshot: unknown): boolean;
  /** Ends the breaker. Calls in flight settle as they would; further calls are refused. */
  dispose(): void;
}
