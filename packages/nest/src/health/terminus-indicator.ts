import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";

type Status = "pass" | "warn" | "fail";

interface Report {
  readonly status: Status;
  readonly checks: readonly { readonly name: string; readonly status: Status; readonly critical: boolean }[];
}

/** The part of a health of `@scale/health` that the indicator reads. */
export interface HealthSource {
  ready(): Promise<Report>;
  group(name: string): Promise<Report | undefined>;
}

/** Result of a health indicator of `@nestjs/terminus` 11 and 12. */
export type TerminusResult = Record<
  string,
  { readonly status: "up" | "down"; readonly checks: Record<string, Status> }
>;

/**
 * An indicator for `HealthCheckService.check` of `@nestjs/terminus`: `() => scale()` for all checks, `() => scale("database")`
 * for a group. It is down when a critical check fails, as `/readyz` is, and shows the status of each check without its error,
 * because terminus shows its results to everyone. While the process is starting or draining, `scale()` is down.
 * @throws {ConfigError} for a group without a check
 */
export function terminusIndicator(health: HealthSource): (group?: string) => Promise<TerminusResult> {
  return async (group) => {
    const report = group === undefined ? await health.ready() : await health.group(group);
    if (report === undefined) {
      throw new ConfigError(`terminusIndicator: expected the group of a check, got ${describeValue(group)}`);
    }
    const isDown =
      group === undefined
        ? report.status === "fail"
        : report.checks.some(({ critical, status }) => critical && status === "fail");
    const checks = Object.fromEntries(report.checks.map(({ name, status }) => [name, status]));
    return { [group ?? "scale"]: { status: isDown ? "down" : "up", checks } };
  };
}
