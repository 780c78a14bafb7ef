/**
 * Outlier ejection with back-off, as a circuit breaker per node. Statements drive it. Failed polls are counted
 * separately, because one good poll ends them.
 */
export type Health =
  | { readonly state: "healthy"; readonly failures: number; readonly ejections: number; readonly sinceMs: number }
  | { readonly state: "ejected"; readonly ejections: number; readonly untilMs: number }
  | { readonly state: "half-open"; readonly ejections: number; readonly trialInFlight: boolean };

export interface EjectionRules {
  /** Consecutive failures that eject a node. */
  readonly failures: number;
  readonly ejectMs: number;
  readonly maxEjectMs: number;
}

export const healthy: Health = { state: "healthy", failures: 0, ejections: 0, sinceMs: 0 };

/** Records a statement that failed through the server's fault. A failed trial doubles the ejection time. */
export function recordFailure(
  health: Health,
  rules: EjectionRules,
  now: { readonly ms: number; readonly random: number },
): Health {
  if (health.state === "ejected") return health;
  if (health.state === "healthy") {
    const failures = health.failures + 1;
    if (failures < rules.failures) return { ...health, failures };
  }
  // A node that stayed healthy longer than the next ejection would last starts again from the first back-off step: it
  // fails occasionally, it is not flapping.
  const nextMs = ejectionMs(health.ejections + 1, rules);
  const startsAgain = health.state === "healthy" && now.ms - health.sinceMs >= nextMs;
  const ejections = startsAgain ? 1 : health.ejections + 1;
  // Jitter of up to 10 %: processes that ejected a node together must not try it again together.
  return { state: "ejected", ejections, untilMs: now.ms + ejectionMs(ejections, rules) * (1 + now.random / 10) };
}

function ejectionMs(ejections: number, { ejectMs, maxEjectMs }: EjectionRules): number {
  return Math.min(ejectMs * 2 ** (ejections - 1), maxEjectMs);
}

/** Records a statement that the server answered; the statement's own errors count as answers. */
export function recordSuccess(health: Health, nowMs: () => number): Health {
  if (health.state === "half-open") {
    return { state: "healthy", failures: 0, ejections: health.ejections, sinceMs: nowMs() };
  }
  return health.state === "healthy" && health.failures > 0 ? { ...health, failures: 0 } : health;
}

/** Opens the breaker halfway once the ejection is over: one trial statement may run. */
export function halfOpenWhenDue(health: Health, nowMs: number): Health {
  return health.state === "ejected" && nowMs >= health.untilMs
    ? { state: "half-open", ejections: health.ejections, trialInFlight: false }
    : health;
}

/** True when the node may receive a statement. */
export function acceptsStatement(health: Health): boolean {
  return health.state === "healthy" || (health.state === "half-open" && !health.trialInFlight);
}

/** Marks the trial as running. Until it ends, the node receives no second one. */
export function startTrial(health: Health): Health {
  return health.state === "half-open" ? { ...health, trialInFlight: true } : health;
}

/** Ends a trial without a verdict, because the statement never reached the server. */
export function abandonTrial(health: Health): Health {
  return health.state === "half-open" ? { ...health, trialInFlight: false } : health;
}
