import { deadline, isScaleError, tenancy } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { JobTimeout } from "../errors.js";
import { jobAbandon } from "../events.js";
import { checkValue, decodePayload } from "../jobs/decode.js";
import { encodeJson } from "../jobs/encode.js";
import type { JobDefinition } from "../jobs/types.js";
import type { TimerClock } from "../store.js";
import type { TraceBridge } from "../trace.js";
import type { StoredJob } from "../types.js";
import { settleFailure, settleInvalid, settleUnknown, type Verdict } from "./settle.js";
import type { JobContext } from "./types.js";

export type AnyHandler = (job: JobContext) => unknown;

export interface AttemptOptions {
  readonly queue: string;
  readonly clock: TimerClock;
  readonly random: () => number;
  readonly trace: TraceBridge | undefined;
  readonly maxPayloadBytes: number;
}

/** Time that a handler has to end after its signal aborted. */
const GRACE_MS = 1000;

/** One run of a handler. It always ends, also when the handler does not. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #job: StoredJob;
  readonly #definition: JobDefinition;
  readonly #controller = new AbortController();
  readonly #limitMs: number;
  #giveUp: () => void = () => undefined;
  #cancelGrace: () => void = () => undefined;
  #hasEnded = false;
  /** True when the handler went on after its signal aborted. */
  isAbandoned = false;

  constructor(options: AttemptOptions, job: StoredJob, definition: JobDefinition) {
    this.#options = options;
    this.#job = job;
    this.#definition = definition;
    const leftMs = job.deadlineAtMs === undefined ? Infinity : job.deadlineAtMs - options.clock.now();
    this.#limitMs = Math.max(0, Math.min(definition.timeoutMs, leftMs));
  }

  /** Aborts the signal of the handler. The attempt ends when the handler does, or after the grace. */
  abort(reason: unknown, graceMs: number = GRACE_MS): void {
    if (this.#hasEnded) return;
    if (!this.#controller.signal.aborted) this.#controller.abort(reason);
    // A drain is in more of a hurry than the timeout that may have come before.
    this.#cancelGrace();
    this.#cancelGrace = this.#options.clock.setTimer(() => this.#giveUp(), graceMs, { keepAlive: true });
  }

  /** Never rejects. */
  async run(handler: AnyHandler): Promise<Verdict> {
    const { clock } = this.#options;
    const onTimeout = (): void => this.abort(new JobTimeout(this.#job.name, this.#limitMs));
    const cancelTimeout = clock.setTimer(onTimeout, this.#limitMs);
    const gaveUp = new Promise<"abandoned">((resolve) => {
      this.#giveUp = () => resolve("abandoned");
    });
    try {
      const outcome = await Promise.race([this.#execute(handler), gaveUp]);
      return outcome === "abandoned" ? this.#abandon() : outcome;
    } catch (error) {
      return this.#settleThrown(error);
    } finally {
      this.#hasEnded = true;
      cancelTimeout();
      this.#cancelGrace();
    }
  }

  /** In a context of its own: a store may call from the context of any request that it answered. */
  #execute(handler: AnyHandler): Promise<Verdict> {
    const { clock, trace } = this.#options;
    const { tenantId, userId, traceparent, tracestate } = this.#job;
    const work = (): Promise<Verdict> => this.#handle(handler);
    const traced = (): Promise<Verdict> =>
      trace === undefined || traceparent === undefined
        ? work()
        : trace.run({ traceparent, ...(tracestate !== undefined && { tracestate }) }, work);
    const tenant = { tenantId, ...(userId !== undefined && { userId }) };
    return inRootContext(() => tenancy.run(tenant, () => deadline.run(this.#limitMs, traced, clock)));
  }

  async #handle(handler: AnyHandler): Promise<Verdict> {
    const { clock, maxPayloadBytes } = this.#options;
    const job = this.#job;
    const decoded = await decodePayload(this.#definition, job);
    if (decoded.kind === "invalid") return settleInvalid(job, decoded.message);
    if (decoded.kind === "newer") {
      const message = `expected a payload of version ${this.#definition.version} or lower, got ${job.version}`;
      return settleUnknown(job, clock.now(), message);
    }
    const result = await handler(this.#contextOf(decoded.data));
    const { output } = this.#definition;
    if (output === undefined) return { kind: "completed" };
    const checked = await checkValue(output, result, "output");
    if (checked.kind === "invalid") return settleInvalid(job, checked.message);
    try {
      const text = encodeJson(checked.data, { job: job.name, maxBytes: maxPayloadBytes, root: "output" });
      return { kind: "completed", output: text };
    } catch (error) {
      // Its effects have happened: another attempt would repeat them, and return the same.
      return settleInvalid(job, error instanceof Error ? error.message : "the output has no JSON form");
    }
  }

  #contextOf(data: unknown): JobContext {
    const { id, name, tenantId, userId, attemptsMade, maxAttempts, enqueuedAtMs } = this.#job;
    const endMs = this.#options.clock.monotonic() + this.#limitMs;
    return {
      ...{ id, name, data, tenantId, userId, maxAttempts },
      attempt: attemptsMade + 1,
      enqueuedAt: new Date(enqueuedAtMs),
      signal: this.#controller.signal,
      remainingMs: () => Math.max(0, endMs - this.#options.clock.monotonic()),
    };
  }

  #abandon(): Verdict {
    this.isAbandoned = true;
    const { id, tenantId, name, attemptsMade } = this.#job;
    const { reason } = this.#controller.signal;
    const { queue } = this.#options;
    jobAbandon.publish(() => ({ tenantId, queue, job: name, id, attempt: attemptsMade + 1, reason }));
    return this.#settleThrown(reason);
  }

  /** The attempt failed by itself, by its timeout, or because it was told to stop. */
  #settleThrown(error: unknown): Verdict {
    const { signal } = this.#controller;
    const { clock, random } = this.#options;
    const context = { job: this.#job, definition: this.#definition, nowMs: clock.now(), random };
    if (!signal.aborted || isDecision(error)) return settleFailure(context, error);
    // The handler threw because of the signal, whatever it threw.
    if (isScaleError(signal.reason, "SCALE_JOB_TIMEOUT")) return settleFailure(context, signal.reason);
    return { kind: "handed-back" };
  }
}

const isDecision = (error: unknown): boolean =>
  isScaleError(error, "SCALE_JOB_PERMANENT") || isScaleError(error, "SCALE_JOB_THROTTLED");
