/** Answer to a breaker that wants to probe. */
export type ProbeClaim =
  /** This process may probe: it holds the lease, or another process has found the dependency healthy. */
  | { readonly isGranted: true }
  /** Another process probes, or has found the dependency down. */
  | { readonly isGranted: false; readonly retryAfterMs: number };

/** Verdicts of the other processes about one dependency. */
export interface ShareAdvice {
  /** Processes whose own calls opened their breaker, and that have not recovered since. */
  readonly openInstances: number;
  /** Milliseconds until the first of them may probe. */
  readonly retryAfterMs: number;
}

/** The shared state of one breaker. Every method may reject: the breaker then decides alone. */
export interface SharedBreaker {
  /** Reports that the calls of this process opened the breaker, or that its probe failed; ends its lease. */
  reportOpen(openMs: number): Promise<void>;
  /** Reports that the dependency is healthy again; ends the lease. */
  reportClosed(): Promise<void>;
  /** Asks for the right to probe, which one process has at a time for `leaseMs`. */
  claimProbe(leaseMs: number): Promise<ProbeClaim>;
  readAdvice(): Promise<ShareAdvice>;
}

/**
 * State that the processes of an application share about their dependencies. It is advice: a breaker opens by it only when a
 * call of its own has failed too, so that one process with a broken network does not stop the others.
 */
export interface BreakerShare {
  /** Processes that must have opened before others follow their advice. */
  readonly quorum: number;
  forBreaker(name: string, key: string | undefined): SharedBreaker;
}
