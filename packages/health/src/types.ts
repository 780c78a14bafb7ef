/** `pass`: works. `warn`: works, with less than it should have. `fail`: does not work. */
export type HealthStatus = "pass" | "warn" | "fail";

/** Result of one run of a check. */
export interface CheckOutcome {
  readonly status: HealthStatus;
  /** Sentence for operators. Credentials in it are masked, and only authorized callers see it. */
  readonly output?: string;
  readonly observedValue?: number | string;
  /** Unit of `observedValue`: `"ms"`, `"bytes"`, `"percent"`. */
  readonly observedUnit?: string;
}

export interface CheckContext {
  /** Aborts at the timeout of the check. Hand it to the client, so that the work ends too. */
  readonly signal: AbortSignal;
}

/** Options of every check. */
export interface CheckOptions {
  /** Name in reports, unique within a health. */
  readonly name?: string;
  /** Part of `/api/health/<group>` that the check belongs to. */
  readonly group?: string;
  /**
   * True when this process cannot serve anything without the dependency, and other processes still can. A failing critical
   * check takes the process out of rotation; every other failing check is a `warn`.
   *
   * Leave it false for a dependency that all processes share: when that is down, every process would leave the rotation at
   * once, and the outage of a part becomes the outage of the whole.
   * @default false
   */
  readonly critical?: boolean;
  /** Deadline of one run, in milliseconds. @default 1000 */
  readonly timeoutMs?: number;
  /** Time between two runs, in milliseconds. Probes read the last result and never run a check of their own. @default 5000, 1000 for startup */
  readonly everyMs?: number;
  /** Failed runs in a row after which the check fails. @default 2, for the first run 1 */
  readonly failAfter?: number;
  /** Successful runs in a row after which a failing check passes; three times as many while it is flapping. @default 2 */
  readonly passAfter?: number;
}

/** A check of a dependency. */
export interface HealthCheck extends CheckOptions {
  readonly name: string;
  /**
   * Looks at the dependency. The check passes when it returns nothing, and fails when it throws, rejects or is late. It runs
   * outside of every request: without a tenant, a trace or a transaction.
   */
  run(context: CheckContext): CheckOutcome | void | Promise<CheckOutcome | void>;
}

/** Result of a check as reports show it. */
export interface CheckReport {
  readonly name: string;
  readonly group: string;
  readonly critical: boolean;
  readonly status: HealthStatus;
  /** True when runs fail and succeed by turns. */
  readonly isFlapping: boolean;
  /** Wall time of the last run, in milliseconds since the epoch. */
  readonly atMs: number;
  /** Wall time since which the check has this status, in milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly durationMs: number;
  readonly output?: string;
  readonly observedValue?: number | string;
  readonly observedUnit?: string;
}

/** `starting`: a startup check has not passed yet. `draining`: the process accepts no new work and is about to end. */
export type HealthPhase = "starting" | "serving" | "draining";

export interface HealthReport {
  /** `fail` when a critical check fails, and while the process is starting or draining; `warn` for every other failure. */
  readonly status: HealthStatus;
  readonly phase: HealthPhase;
  readonly checks: readonly CheckReport[];
  /** Settings of HTTP servers that make a balancer answer 502: see `keepAliveFindings`. */
  readonly findings: readonly string[];
}

export interface LiveReport {
  /** `fail` when the event loop has been stuck for a long time: restart the process. */
  readonly status: "pass" | "fail";
  /** How late the last heartbeat of the event loop was, in milliseconds. */
  readonly eventLoopDelayMs: number;
}
