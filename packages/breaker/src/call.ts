import { deadline, systemClock } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { CallContext, CallInput, CallOptions } from "./types.js";

const NO_OPTIONS: CallOptions = {};

/** An object, because `undefined` is a reason too. */
interface AbortReason {
  readonly value: unknown;
}

type AbortListener = (reason: unknown) => void;

/** A budget, as far as a call knows it. */
interface CallCounter {
  noteCall(): void;
}

/**
 * The context of one call. Policies derive contexts from it, and abort them through plain callbacks. An AbortSignal exists
 * only when an action reads it: creating one takes longer than all else that a closed breaker does.
 */
export class Call implements CallContext {
  readonly attempt: number;
  readonly #options: CallOptions;
  readonly #parent: Call | undefined;
  /** On the system clock, because timers end the call. */
  #deadlineMs: number;
  /** True for a context that its policy may abort while the parent goes on. */
  #isAbortable = false;
  #reason: AbortReason | undefined;
  #controller: AbortController | undefined;
  #listeners: Set<AbortListener> | undefined;
  #unlink: (() => void) | undefined;
  #notedBy: CallCounter | undefined;

  private constructor(options: CallOptions, parent: Call | undefined, attempt: number) {
    this.#options = options;
    this.#parent = parent;
    this.attempt = attempt;
    this.#deadlineMs = parent === undefined ? Infinity : parent.#deadlineMs;
  }

  /** The context that an outer policy handed on, or a new one. */
  static from(input: CallInput | undefined): Call {
    if (input instanceof Call) return input;
    const call = new Call(input ?? NO_OPTIONS, undefined, 1);
    const timeoutMs = call.#options.timeoutMs;
    if (timeoutMs !== undefined) call.#limit(timeoutMs);
    return call;
  }

  /** The same call in another attempt. */
  withAttempt(attempt: number): Call {
    return new Call(this.#options, this, attempt);
  }

  /**
   * A context that its policy can abort. The policy ends it when the work has settled.
   * @param timeoutMs time that it has, if it has less than its parent
   */
  abortable(timeoutMs: number = Infinity): Call {
    const call = new Call(this.#options, this, this.attempt);
    call.#isAbortable = true;
    if (timeoutMs !== Infinity) call.#limit(timeoutMs);
    return call;
  }

  get key(): string | undefined {
    return this.#options.key;
  }

  get idempotent(): boolean {
    return this.#options.idempotent === true;
  }

  get signal(): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    if (!this.#isAbortable) {
      if (this.#parent !== undefined) return this.#parent.signal;
      if (this.#options.signal !== undefined) return this.#options.signal;
    }
    this.#controller = new AbortController();
    if (this.#isAbortable) this.#link();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason.value);
    return this.#controller.signal;
  }

  /** Why the call is no longer wanted, `undefined` while it is. */
  get abortReason(): AbortReason | undefined {
    if (this.#reason !== undefined) return this.#reason;
    if (this.#parent !== undefined) return this.#parent.abortReason;
    const { signal } = this.#options;
    return signal?.aborted === true ? { value: signal.reason } : undefined;
  }

  /**
   * True when the caller, or a policy around the call, lost interest for another reason than time: then an error says nothing
   * about the dependency.
   */
  get isCancelled(): boolean {
    const reason = this.abortReason;
    return reason !== undefined && !isTimeout(reason.value);
  }

  /** True when a caller or a policy could abort this call. */
  get canAbort(): boolean {
    return this.#isAbortable || (this.#parent?.canAbort ?? this.#options.signal !== undefined);
  }

  remainingMs(): number {
    const inherited = deadline.remainingMs();
    if (this.#deadlineMs === Infinity) return inherited;
    return Math.min(inherited, Math.max(0, this.#deadlineMs - systemClock.monotonic()));
  }

  /** Counts the call in a budget once, however many policies around it share the budget. */
  noteOnce(budget: CallCounter): void {
    if (this.#parent !== undefined) return this.#parent.noteOnce(budget);
    if (this.#notedBy === budget) return;
    this.#notedBy = budget;
    budget.noteCall();
  }

  /** Aborts this call and those derived from it. A signal that is read later is aborted already. */
  abort(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = { value: reason };
    this.#controller?.abort(reason);
    for (const listener of this.#listeners ?? []) listener(reason);
  }

  /** Calls the listener once when this call is aborted from now on. @returns a function that removes it */
  onAbort(listener: AbortListener): (() => void) | undefined {
    if (!this.#isAbortable) {
      if (this.#parent !== undefined) return this.#parent.onAbort(listener);
      return listenTo(this.#options.signal, listener);
    }
    this.#link();
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  /** Ends the link to the parent: a long-lived signal of the caller must not collect listeners. */
  end(): void {
    this.#unlink?.();
    this.#unlink = ENDED;
  }

  #link(): void {
    if (this.#unlink !== undefined || this.#reason !== undefined) return;
    const inherited = this.#parent?.abortReason;
    if (inherited !== undefined) return this.abort(inherited.value);
    this.#unlink = this.#parent?.onAbort((reason) => this.abort(reason)) ?? ENDED;
  }

  #limit(timeoutMs: number): void {
    if (typeof timeoutMs !== "number" || !(timeoutMs >= 0)) {
      throw new TypeError(`timeoutMs: expected a number >= 0, got ${describeValue(timeoutMs)}`);
    }
    this.#deadlineMs = Math.min(this.#deadlineMs, systemClock.monotonic() + timeoutMs);
  }
}

const ENDED = (): void => undefined;

function listenTo(signal: AbortSignal | undefined, listener: AbortListener): (() => void) | undefined {
  if (signal === undefined) return undefined;
  const onAbort = (): void => listener(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

/** True for a TimeoutError of ours, and for that of `AbortSignal.timeout`. */
function isTimeout(reason: unknown): boolean {
  return typeof reason === "object" && reason !== null && "name" in reason && reason.name === "TimeoutError";
}
