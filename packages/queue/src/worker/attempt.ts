import { deadline, isScaleError, tenancy } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { JobTimeout } from "../errors.js";
import { jobAbandon } from "../events.js";
import { checkValue, decodePayload, isPromiseLike } from "../jobs/decode.js";
import { encodeJson } from "../jobs/encode.js";
import type { StandardSchema } from "../jobs/standard-schema.js";
import type { JobDefinition } from "../jobs/types.js";
import type { TimerClock } from "../store.js";
import type { TraceBridge } from "../trace.js";
import type { StoredJob } from "../types.js";
import { settleFailure, settleInvalid, settleUnknown, type Verdict } from "./settle.js";
import { createJobContext, StopSignal } from "./job-context.js";
import type { Timeouts } from "./timeouts.js";
import type { JobContext } from "./types.js";

export type AnyHandler = (job: JobContext) => unknown;

export interface AttemptOptions {
  readonly queue: string;
  readonly clock: TimerClock;
  readonly timeouts: Timeouts;
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
  readonly #stop = new StopSignal();
  readonly #limitMs: number;
  #end: (verdict: Verdict) => void = () => undefined;
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
    this.#stop.abort(reason);
    // A drain is in more of a hurry than the timeout that may have come before.
    this.#cancelGrace();
    this.#cancelGrace = this.#options.clock.setTimer(() => this.#abandon(), graceMs, { keepAlive: true });
  }

  /** Never rejects. */
  run(handler: AnyHandler): Promise<Verdict> {
    if (this.#stop.isAborted) {
      this.#hasEnded = true;
      this.#cancelGrace();
      return Promise.resolve({ kind: "handed-back" });
    }
    const { timeouts } = this.#options;
    const onTimeout = (): void => this.abort(new JobTimeout(this.#job.name, this.#limitMs));
    timeouts.add(onTimeout, this.#limitMs);
    return new Promise((resolve) => {
      // The first end holds: the handler's, or the one that did not wait for it.
      this.#end = (verdict) => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        timeouts.remove(onTimeout);
        this.#cancelGrace();
        resolve(verdict);
      };
      void this.#execute(handler);
    });
  }

  /** In a context of its own: a store may call from the context of any request that it answered. */
  async #execute(handler: AnyHandler): Promise<void> {
    const { clock, trace } = this.#options;
    const { tenantId, userId, traceparent, tracestate } = this.#job;
    const work = (): Promise<Verdict> => this.#handle(handler);
    const traced = (): Promise<Verdict> =>
      trace === undefined || traceparent === undefined
        ? work()
        : trace.run({ traceparent, ...(tracestate !== undefined && { tracestate }) }, work);
    const tenant = userId === undefined ? { tenantId } : { tenantId, userId };
    try {
      this.#end(await inRootContext(() => tenancy.run(tenant, () => deadline.run(this.#limitMs, traced, clock))));
    } catch (error) {
      this.#end(this.#settleThrown(error));
    }
  }

  async #handle(handler: AnyHandler): Promise<Verdict> {
    const job = this.#job;
    const decoding = decodePayload(this.#definition, job);
    const decoded = isPromiseLike(decoding) ? await decoding : decoding;
    if (decoded.kind === "invalid") return settleInvalid(job, decoded.message);
    if (decoded.kind === "newer") {
      const message = `expected a payload of version ${this.#definition.version} or lower, got ${job.version}`;
      return settleUnknown(job, this.#options.clock.now(), message);
    }
    const endMs = this.#options.clock.monotonic() + this.#limitMs;
    const remainingMs = (): number => Math.max(0, endMs - this.#options.clock.monotonic());
    const result = await handler(createJobContext(job, decoded.data, { stop: this.#stop, remainingMs }));
    const { output } = this.#definition;
    return output === undefined ? { kind: "completed" } : this.#complete(output, result);
  }

  async #complete(output: StandardSchema, result: unknown): Promise<Verdict> {
    const job = this.#job;
    const checked = await checkValue(output, result, "output");
    if (checked.kind === "invalid") return settleInvalid(job, checked.message);
    try {
      const { maxPayloadBytes: maxBytes } = this.#options;
      return { kind: "completed", output: encodeJson(checked.data, { job: job.name, maxBytes, root: "output" }) };
    } catch (error) {
      // Its effects have happened: another attempt would repeat them, and return the same.
      return settleInvalid(job, error instanceof Error ? error.message : "the output has no JSON form");
    }
  }

  #abandon(): void {
    if (this.#hasEnded) return;
    this.isAbandoned = true;
    const { id, tenantId, name, attemptsMade } = this.#job;
    const { queue } = this.#options;
    const { reason } = this.#stop;
    jobAbandon.publish(() => ({ tenantId, queue, job: name, id, attempt: attemptsMade + 1, reason }));
    this.#end(this.#settleThrown(reason));
  }

  #settleThrown(error: unknown): Verdict {
    try {
      return this.#verdictOn(error);
    } catch {
      // A getter or a proxy of the handler's error threw.
      return this.#verdictOn(new Error("an error that cannot be read"));
    }
  }

  /** The attempt failed by itself, by its timeout, or because it was told to stop. */
  #verdictOn(error: unknown): Verdict {
    const { isAborted, reason } = this.#stop;
    const { clock, random } = this.#options;
    const context = { job: this.#job, definition: this.#definition, nowMs: clock.now(), random };
    if (!isAborted || isDecision(error)) return settleFailure(context, error);
    // The handler threw because of the signal, whatever it threw.
    if (isScaleError(reason, "SCALE_JOB_TIMEOUT")) return settleFailure(context, reason);
    return { kind: "handed-back" };
  }
}

const isDecision = (error: unknown): boolean =>
  isScaleError(error, "SCALE_JOB_PERMANENT") || isScaleError(error, "SCALE_JOB_THROTTLED");
