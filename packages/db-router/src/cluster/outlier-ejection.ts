/** How a node has fared with statements. What polls find is kept apart: that ends with the first good poll. */
export type Health =
  | { readonly is: "up"; readonly failures: number; readonly trips: number; readonly sinceMs: number }
  | { readonly is: "out"; readonly trips: number; readonly untilMs: number }
  | { readonly is: "trial"; readonly trips: number; readonly isRunning: boolean };

export interface HealthRules {
  /** Failures in a row that take a node out. */
  readonly failures: number;
  readonly ejectMs: number;
  readonly maxEjectMs: number;
}

export const healthy: Health = { is: "up", failures: 0, trips: 0, sinceMs: 0 };

/** One of its statements failed and the server was to blame. A failed trial doubles the time that it is out. */
export function failed(
  health: Health,
  rules: HealthRules,
  now: { readonly ms: number; readonly random: number },
): Health {
  if (health.is === "out") return health;
  if (health.is === "up") {
    const failures = health.failures + 1;
    if (failures < rules.failures) return { ...health, failures };
  }
  // Who has been up for as long as it would be out now is forgiven: it fails now and then, it does not come and go.
  const next = outMs(health.trips + 1, rules);
  const isForgiven = health.is === "up" && now.ms - health.sinceMs >= next;
  const trips = isForgiven ? 1 : health.trips + 1;
  const ms = outMs(trips, rules);
  // Up to a tenth longer: processes that lost a node together do not try it together.
  return { is: "out", trips, untilMs: now.ms + ms * (1 + now.random / 10) };
}

function outMs(trips: number, { ejectMs, maxEjectMs }: HealthRules): number {
  return Math.min(ejectMs * 2 ** (trips - 1), maxEjectMs);
}

/** One of its statements was answered, an error of the statement's own included. */
export function succeeded(health: Health, nowMs: () => number): Health {
  if (health.is === "trial") return { is: "up", failures: 0, trips: health.trips, sinceMs: nowMs() };
  return health.is === "up" && health.failures > 0 ? { ...health, failures: 0 } : health;
}

/** When its time is over one statement may try it. */
export function due(health: Health, nowMs: number): Health {
  return health.is === "out" && nowMs >= health.untilMs
    ? { is: "trial", trips: health.trips, isRunning: false }
    : health;
}

/** Whether it may be given a statement. */
export function mayServe(health: Health): boolean {
  return health.is === "up" || (health.is === "trial" && !health.isRunning);
}

/** The trial has begun: until it is over there is no second one. */
export function begun(health: Health): Health {
  return health.is === "trial" ? { ...health, isRunning: true } : health;
}

/** The trial ended and says nothing: somebody gave the place back unused. */
export function undecided(health: Health): Health {
  return health.is === "trial" ? { ...health, isRunning: false } : health;
}
