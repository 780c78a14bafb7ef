import type { Clock } from "@scale/core";
import { type Drain, Drainer } from "./drain/drain.js";
import { createHeartbeat, type Heartbeat } from "./live/heartbeat.js";
import { Checker, type ParsedCheck } from "./monitor/checker.js";
import { type HealthOptions, parseHealthOptions } from "./options.js";
import type { CheckReport, HealthPhase, HealthReport, HealthStatus, LiveReport } from "./types.js";

export interface Health {
  readonly phase: HealthPhase;
  /** The end of the process in order. */
  readonly drain: Drain;
  /** Whether the process itself works. It looks at no dependency, and returns at once. */
  live(): LiveReport;
  /** Whether every startup check has passed. Never rejects. */
  startup(): Promise<HealthReport>;
  /**
   * Whether the process should get requests: the last results of all checks. Only the first call waits for them. Never
   * rejects, and runs no check, however often it is called.
   */
  ready(): Promise<HealthReport>;
  /**
   * The checks of one group. Here a failing check is a `fail`, also when it is not critical: this is for monitoring, not for a
   * balancer.
   * @returns `undefined` for a group without a check
   */
  group(name: string): Promise<HealthReport | undefined>;
  /** Ends the background checks. A drain does it too. Resources stay open: `drain.start()` closes them. */
  close(): void;
  [Symbol.dispose](): void;
}

/**
 * Creates the health of a process. Nothing runs before the first probe: a build step may load the module without touching a
 * server.
 * @throws {ConfigError} that names the wrong option
 */
export function createHealth(options: HealthOptions = {}): Health {
  const { startup, ready, live, drain, clock } = parseHealthOptions(options);
  const checkersOf = (checks: readonly ParsedCheck[]): Checker[] => checks.map((check) => new Checker(check, clock));
  return new ProcessHealth({
    startup: checkersOf(startup),
    ready: checkersOf(ready),
    heartbeat: createHeartbeat(live, clock),
    drainOptions: drain,
    clock,
  });
}

interface Parts {
  readonly startup: readonly Checker[];
  readonly ready: readonly Checker[];
  readonly heartbeat: Heartbeat;
  readonly drainOptions: ConstructorParameters<typeof Drainer>[0];
  readonly clock: Clock;
}

class ProcessHealth implements Health {
  readonly drain: Drain;
  readonly #startup: readonly Checker[];
  readonly #ready: readonly Checker[];
  readonly #heartbeat: Heartbeat;
  /** Startup checks that have passed. They are not run again. */
  readonly #passed = new Set<Checker>();

  constructor({ startup, ready, heartbeat, drainOptions, clock }: Parts) {
    this.#startup = startup;
    this.#ready = ready;
    this.#heartbeat = heartbeat;
    this.drain = new Drainer(drainOptions, { clock, onClosing: () => this.close() });
  }

  get phase(): HealthPhase {
    if (this.drain.isDraining) return "draining";
    return this.#passed.size < this.#startup.length ? "starting" : "serving";
  }

  live(): LiveReport {
    this.#heartbeat.start();
    return this.#heartbeat.report();
  }

  async startup(): Promise<HealthReport> {
    this.#heartbeat.start();
    const checks = await this.#lookAtStartup();
    return this.#report(checks, this.#passed.size < this.#startup.length ? "fail" : "pass");
  }

  async ready(): Promise<HealthReport> {
    this.#heartbeat.start();
    const waiting = this.phase === "starting" ? this.#lookAtStartup() : [];
    const checks = await reportsOf(this.#ready);
    const startupChecks = await waiting;
    if (this.phase !== "serving") return this.#report([...startupChecks, ...checks], "fail");
    return this.#report(checks, statusOf(checks));
  }

  async group(name: string): Promise<HealthReport | undefined> {
    const members = this.#ready.filter(({ check }) => check.group === name);
    if (members.length === 0) return undefined;
    const checks = await reportsOf(members);
    return this.#report(checks, worst(checks.map(({ status }) => status)));
  }

  close(): void {
    this.#heartbeat.close();
    for (const checker of [...this.#startup, ...this.#ready]) checker.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #lookAtStartup(): Promise<CheckReport[]> {
    const reports = await reportsOf(this.#startup);
    for (const [at, checker] of this.#startup.entries()) {
      if (reports[at]?.status === "fail" || this.#passed.has(checker)) continue;
      this.#passed.add(checker);
      checker.close();
    }
    return reports;
  }

  #report(checks: readonly CheckReport[], status: HealthStatus): HealthReport {
    const findings = this.drain.findings();
    return {
      status: status === "pass" && findings.length > 0 ? "warn" : status,
      phase: this.phase,
      checks,
      findings,
    };
  }
}

const reportsOf = (checkers: readonly Checker[]): Promise<CheckReport[]> =>
  Promise.all(checkers.map((checker) => checker.current()));

function statusOf(checks: readonly CheckReport[]): HealthStatus {
  if (checks.some(({ critical, status }) => critical && status === "fail")) return "fail";
  return checks.some(({ status }) => status !== "pass") ? "warn" : "pass";
}

function worst(statuses: readonly HealthStatus[]): HealthStatus {
  if (statuses.includes("fail")) return "fail";
  return statuses.includes("warn") ? "warn" : "pass";
}
