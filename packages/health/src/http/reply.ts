import type { Reply } from "@scale/http";
import type { CheckReport, HealthReport, HealthStatus } from "../types.js";

/** A report as far as a reply needs it; the details are those of a `HealthReport`. */
export interface StatusBody extends Partial<Omit<HealthReport, "status">> {
  readonly status: HealthStatus;
}

const HEADERS = Object.freeze({ "content-type": "application/health+json", "cache-control": "no-store" });

/**
 * The reply to a probe: 200 for `pass` and `warn`, 503 for `fail`.
 * Source: draft-inadarei-api-health-check-06.
 */
export function healthReply(report: StatusBody, isDetailed: boolean): Reply {
  const { status } = report;
  return { status: status === "fail" ? 503 : 200, headers: HEADERS, body: isDetailed ? details(report) : { status } };
}

function details({ status, phase, checks = [], findings = [] }: StatusBody): object {
  return {
    status,
    phase,
    ...(findings.length > 0 && { notes: findings }),
    // By entries: a check may have any name, also that of a member of every object.
    checks: Object.fromEntries(checks.map((check) => [check.name, [detail(check)]])),
  };
}

const detail = ({ atMs, sinceMs, name, ...rest }: CheckReport): object => ({
  ...rest,
  componentId: name,
  time: new Date(atMs).toISOString(),
  since: new Date(sinceMs).toISOString(),
});
