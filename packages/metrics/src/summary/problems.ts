import type { Problem, RecentTenant } from "./types.js";

export interface ProblemOptions {
  /**
   * Share of responses with a status of 500 or more from which a tenant has a problem, 0 to 1.
   * @default 0.05
   */
  readonly errorRatio?: number;
  /**
   * 95th percentile of the response time from which a tenant has a problem, in milliseconds.
   * @default 500
   */
  readonly p95Ms?: number;
  /**
   * Requests in the last windows below which nothing is concluded.
   * @default 50
   */
  readonly minRequests?: number;
  /**
   * Share of a threshold at which a problem is over, so that a value close to it does not flap.
   * @default 0.8
   */
  readonly recoverAt?: number;
}

/** Keeps the problems that tenants have, from one look to the next. */
export class ProblemDetector {
  readonly #options: Required<ProblemOptions>;
  readonly #problems = new Map<string, Problem>();

  constructor(options: Required<ProblemOptions>) {
    this.#options = options;
  }

  /**
   * Looks at the tenants with series of their own. A problem that nothing can be concluded about any more, because its
   * tenant sends too little, is over.
   * @param now milliseconds since the epoch
   * @returns every problem there is, and those that began or ended with this look
   */
  look(tenants: readonly RecentTenant[], now: number): { all: Problem[]; started: Problem[]; ended: Problem[] } {
    const { errorRatio, p95Ms } = this.#options;
    const seen = new Set<string>();
    const started: Problem[] = [];
    for (const { tenantId, recent } of tenants) {
      const { requests } = recent;
      const found = [
        this.#judge({
          tenantId,
          kind: "errors",
          value: recent.errorRatio ?? 0,
          threshold: errorRatio,
          requests,
          since: now,
        }),
        this.#judge({ tenantId, kind: "slow", value: recent.p95Ms ?? 0, threshold: p95Ms, requests, since: now }),
      ];
      for (const problem of found) {
        if (problem === undefined) continue;
        const key = keyOf(problem);
        seen.add(key);
        if (!this.#problems.has(key)) started.push(problem);
        this.#problems.set(key, problem);
      }
    }
    const ended = [...this.#problems].filter(([key]) => !seen.has(key)).map(([, problem]) => problem);
    for (const problem of ended) this.#problems.delete(keyOf(problem));
    return { all: [...this.#problems.values()], started, ended };
  }

  #judge(candidate: Problem): Problem | undefined {
    const { minRequests, recoverAt } = this.#options;
    if (candidate.requests < minRequests) return undefined;
    const known = this.#problems.get(keyOf(candidate));
    if (known === undefined) return candidate.value > candidate.threshold ? candidate : undefined;
    return candidate.value > candidate.threshold * recoverAt ? { ...candidate, since: known.since } : undefined;
  }
}

const keyOf = ({ kind, tenantId }: Problem): string => `${kind}:${tenantId}`;
