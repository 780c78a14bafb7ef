import type { Clock } from "@scale/core";
import { type CheckpointTracker, formatCheckpoint } from "./checkpoint.js";
import type { WarmFailure, WarmProgress, WarmReport } from "./types.js";

const MAX_FAILURES = 100;

/** Counts the results of a run. */
export class Progress {
  /** Finished tenants, and those of them that an earlier run has finished. */
  done = 0;
  skipped = 0;
  loaded = 0;
  fresh = 0;
  failed = 0;
  isAborted = false;
  isComplete = false;
  readonly #failures: WarmFailure[] = [];
  readonly #checkpoint: CheckpointTracker;
  readonly #clock: Clock;
  /** Number of all tenants, if it is known. */
  readonly #total: number | undefined;
  readonly #startedAt: number;
  #endedAt: number | undefined = undefined;

  constructor(checkpoint: CheckpointTracker, clock: Clock, total: number | undefined) {
    this.#checkpoint = checkpoint;
    this.#clock = clock;
    this.#total = total;
    this.#startedAt = clock.monotonic();
  }

  fail(failure: WarmFailure): void {
    this.failed++;
    if (this.#failures.length < MAX_FAILURES) this.#failures.push(failure);
  }

  end(): void {
    this.#endedAt = this.#clock.monotonic();
  }

  snapshot(): WarmProgress {
    const total = this.#total;
    const { done, skipped, loaded, fresh, failed } = this;
    const ms = this.#durationMs();
    const own = done - skipped;
    const values = loaded + fresh + failed;
    return {
      ...{ done, total, loaded, fresh, failed },
      etaMs: total === undefined || own === 0 ? undefined : (Math.max(0, total - done) * ms) / own,
      perSecond: ms > 0 ? (values * 1000) / ms : 0,
      resume: this.#resume(),
    };
  }

  report(): WarmReport {
    const { done, loaded, fresh, failed, isAborted } = this;
    return {
      ...{ done, loaded, fresh, failed, isAborted },
      durationMs: this.#durationMs(),
      failures: [...this.#failures],
      resume: this.#resume(),
    };
  }

  #durationMs(): number {
    return (this.#endedAt ?? this.#clock.monotonic()) - this.#startedAt;
  }

  #resume(): string | undefined {
    const { current } = this.#checkpoint;
    return this.isComplete || current === undefined ? undefined : formatCheckpoint(current);
  }
}
