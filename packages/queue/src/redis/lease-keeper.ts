import { JobCancelled, LeaseLost } from "../errors.js";
import type { Retention } from "../store.js";
import { integers } from "./operations.js";
import type { QueueContext } from "./context.js";
import type { Run } from "./turn.js";

/** How often a consumer asks whether its jobs are cancelled: a signal aborts within a second. */
const WATCH_MS = 400;

export interface LeaseKeeperOptions {
  readonly context: QueueContext;
  readonly leaseMs: number;
  readonly retention: Retention;
  /** The runs of the consumer by token. */
  readonly running: ReadonlyMap<string, Run>;
}

/** Renews the leases of a consumer, aborts runs that were cancelled or lost, and recovers the jobs of dead workers. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #timers = new Set<() => void>();
  readonly #renewMs: number;
  readonly #recoverMs: number;
  #renewedAtMs: number;
  #isClosed = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#renewMs = options.leaseMs / 3;
    this.#recoverMs = options.leaseMs / 4;
    this.#renewedAtMs = options.context.clock.monotonic();
    this.#repeat(() => this.#watch(), Math.min(WATCH_MS, this.#renewMs));
    this.#repeat(() => this.#recover(), this.#recoverMs);
  }

  close(): void {
    this.#isClosed = true;
    for (const cancel of this.#timers) cancel();
  }

  /** Runs `task` again and again, `everyMs` after it ended. */
  #repeat(task: () => Promise<void>, everyMs: number): void {
    const cancel = this.#options.context.clock.setTimer(() => {
      this.#timers.delete(cancel);
      void task().finally(() => {
        if (!this.#isClosed) this.#repeat(task, everyMs);
      });
    }, everyMs);
    this.#timers.add(cancel);
  }

  async #watch(): Promise<void> {
    const { context, leaseMs, running } = this.#options;
    const runs = [...running.values()];
    const startedAtMs = context.clock.monotonic();
    const renews = startedAtMs - this.#renewedAtMs >= this.#renewMs;
    if (runs.length === 0) {
      this.#renewedAtMs = startedAtMs;
      return;
    }
    try {
      const pairs = runs.flatMap(({ segment, token }) => [segment, token]);
      const states = integers(await context.run("watch", [renews ? String(leaseMs) : "0", ...pairs]));
      if (renews) this.#renewedAtMs = startedAtMs;
      for (const [i, run] of runs.entries()) this.#tell(run, states[i] ?? 0);
    } catch {
      // The turns report that Redis cannot be reached; here it matters when the leases have ended meanwhile.
      this.#endLeases(runs);
    }
  }

  #tell(run: Run, state: number): void {
    if (state === 0 || this.#options.running.get(run.token) !== run) return;
    const { id } = run.job;
    run.controller.abort(state === 1 ? new JobCancelled(id) : new LeaseLost(id));
  }

  #endLeases(runs: readonly Run[]): void {
    const nowMs = this.#options.context.clock.monotonic();
    for (const run of runs) {
      if (nowMs - Math.max(run.leasedAtMs, this.#renewedAtMs) >= this.#options.leaseMs) this.#tell(run, 2);
    }
  }

  async #recover(): Promise<void> {
    const { context, retention } = this.#options;
    const { finished, dead } = retention;
    const kept = [finished.count, finished.ageMs, dead.count, dead.ageMs].map(String);
    // A little less than the time between two looks, or the look of this consumer would find its own mark.
    const args = [String(Math.floor(this.#recoverMs * 0.8)), ...kept];
    // The turns report that Redis cannot be reached.
    await context.run("recover", args).catch(() => undefined);
  }
}
