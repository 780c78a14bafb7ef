import type { Clock } from "@scale/core";
import { createDeadline, type Deadline, inRootContext } from "@scale/core/kit";
import { checkChange } from "../events.js";
import type { CheckOutcome, CheckReport, HealthCheck, HealthStatus } from "../types.js";
import { hungPauseMs } from "./back-off.js";
import { Damping } from "./damping.js";
import { failure, outcomeOf } from "./outcome.js";

/** A check with every option set. */
export type ParsedCheck = Readonly<Required<HealthCheck>>;

/** A result that should have been replaced this long ago is not used: the process was suspended, or its loop blocked. */
const OVERDUE_MS = 1_000;
/** A result that differs from the status is confirmed this soon. */
const CONFIRM_MS = 1_000;

/**
 * Runs one check: single-flight, with a deadline, in the background and outside of every request. Reports are made of the last
 * result.
 */
export class Checker {
  readonly check: ParsedCheck;
  readonly #clock: Clock;
  readonly #deadline: Deadline;
  readonly #damping: Damping;
  #report: CheckReport | undefined;
  #running: Promise<CheckReport> | undefined;
  #abort: AbortController | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Monotonic time at which the next run is due. */
  #dueAt = 0;
  /** Runs that were late and have not settled yet. */
  #hung = 0;
  #isClosed = false;

  constructor(check: ParsedCheck, clock: Clock) {
    this.check = check;
    this.#clock = clock;
    this.#deadline = createDeadline(check.timeoutMs);
    this.#damping = new Damping(check);
  }

  /** The last result; a promise of a result when there is none, or when it is overdue. Never rejects. */
  current(): CheckReport | Promise<CheckReport> {
    const report = this.#report;
    const isUsable = this.#isClosed || this.#clock.monotonic() <= this.#dueAt + OVERDUE_MS;
    if (report !== undefined && isUsable) return report;
    return this.run();
  }

  /** Runs the check now, or joins the run that is in progress. */
  run(): Promise<CheckReport> {
    this.#running ??= inRootContext(() => this.#once());
    return this.#running;
  }

  /** Ends the background runs. The last result stays. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#abort?.abort();
  }

  async #once(): Promise<CheckReport> {
    clearTimeout(this.#timer);
    const from = this.#clock.monotonic();
    const outcome = await this.#outcome();
    const report = this.#record(outcome, this.#clock.monotonic() - from);
    this.#running = undefined;
    if (!this.#isClosed) this.#schedule(outcome);
    return report;
  }

  async #outcome(): Promise<CheckOutcome> {
    const abort = new AbortController();
    this.#abort = abort;
    let isSettled = false;
    let isLate = false;
    // An async function, so that a check that throws at once is one that rejects.
    const work = (async () => this.check.run({ signal: abort.signal }))().finally(() => {
      isSettled = true;
      if (isLate) this.#hung--;
    });
    try {
      return outcomeOf(await this.#deadline(work, this.check.name));
    } catch (error) {
      if (isSettled) return failure(error);
      isLate = true;
      this.#hung++;
      abort.abort(error);
      return { status: "fail", output: `did not answer within ${this.check.timeoutMs} ms` };
    } finally {
      this.#abort = undefined;
    }
  }

  #record(outcome: CheckOutcome, durationMs: number): CheckReport {
    const { name, group, critical } = this.check;
    this.#damping.record(outcome.status === "fail");
    const status = this.#statusOf(outcome);
    const before = this.#report;
    const atMs = this.#clock.now();
    const sinceMs = before?.status === status ? before.sinceMs : atMs;
    const report: CheckReport = {
      ...outcome,
      name,
      group,
      critical,
      status,
      isFlapping: this.#damping.isFlapping,
      atMs,
      sinceMs,
      durationMs: Math.round(durationMs),
    };
    this.#report = report;
    if (before?.status !== status && !this.#isClosed) {
      const { output } = report;
      checkChange.publish(() => ({ check: name, group, critical, from: before?.status, to: status, output }));
    }
    return report;
  }

  #statusOf({ status }: CheckOutcome): HealthStatus {
    if (this.#damping.isDown) return "fail";
    // A failure that is not confirmed yet, and a check that is flapping, are worth a look.
    return status === "pass" && !this.#damping.isFlapping ? "pass" : "warn";
  }

  #schedule({ status }: CheckOutcome): void {
    const { everyMs } = this.check;
    const isUnconfirmed = (status === "fail") !== this.#damping.isDown;
    const pauseMs = isUnconfirmed ? Math.min(CONFIRM_MS, everyMs) : everyMs;
    const waitMs = hungPauseMs(pauseMs, this.#hung);
    this.#dueAt = this.#clock.monotonic() + waitMs;
    // The run must not keep a process alive that has nothing else to do.
    this.#timer = setTimeout(() => void this.run(), waitMs).unref();
  }
}
