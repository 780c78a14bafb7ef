import { shareFail, type ShareFailed } from "../events.js";
import type { BreakerShare, ProbeClaim, SharedBreaker } from "../share.js";

/** Calls that earn one question to the others: at most two per thousand, whatever fails. */
const CALLS_PER_ADVICE = 1000;
const MAX_CREDIT = 3;

/** Speaks with the shared state on behalf of one breaker. Whatever it does not answer, the breaker decides alone. */
export class ShareClient {
  readonly #shared: SharedBreaker;
  readonly #quorum: number;
  readonly #name: string;
  readonly #key: string | undefined;
  /** The last report. One follows the other, so that the state of the last change stays. */
  #reports: Promise<void> = Promise.resolve();
  #credit = 1;
  #isAsking = false;

  constructor(share: BreakerShare, name: string, key: string | undefined) {
    this.#shared = share.forBreaker(name, key);
    this.#quorum = share.quorum;
    this.#name = name;
    this.#key = key;
  }

  countCall(): void {
    this.#credit = Math.min(MAX_CREDIT, this.#credit + 1 / CALLS_PER_ADVICE);
  }

  reportOpen(openMs: number): void {
    this.#report("report-open", () => this.#shared.reportOpen(Math.max(1, openMs)));
  }

  reportClosed(): void {
    this.#report("report-closed", () => this.#shared.reportClosed());
  }

  /** Never rejects: without an answer this process probes by itself. */
  async claimProbe(leaseMs: number): Promise<ProbeClaim> {
    await this.#reports;
    try {
      return await this.#shared.claimProbe(leaseMs);
    } catch (error) {
      this.#publish("claim-probe", error);
      return { isGranted: true };
    }
  }

  /** Asks whether enough others have opened, unless it was asked too recently. */
  adviseAfterFailure(onQuorum: (retryAfterMs: number) => void): void {
    if (this.#credit < 1 || this.#isAsking) return;
    this.#credit -= 1;
    this.#isAsking = true;
    void this.#readAdvice(onQuorum);
  }

  async #readAdvice(onQuorum: (retryAfterMs: number) => void): Promise<void> {
    try {
      const { openInstances, retryAfterMs } = await this.#shared.readAdvice();
      if (openInstances >= this.#quorum) onQuorum(retryAfterMs);
    } catch (error) {
      this.#publish("read-advice", error);
    } finally {
      this.#isAsking = false;
    }
  }

  #report(operation: ShareFailed["operation"], send: () => Promise<void>): void {
    this.#reports = this.#reports.then(send).catch((error: unknown) => this.#publish(operation, error));
  }

  #publish(operation: ShareFailed["operation"], error: unknown): void {
    shareFail.publish(() => ({ breaker: this.#name, key: this.#key, operation, error }));
  }
}
