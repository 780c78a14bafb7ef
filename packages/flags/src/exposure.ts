import { channel } from "node:diagnostics_channel";
import type { Clock } from "@scale/core";
import type { Verdict } from "./document/compiled.js";
import { flagExpose } from "./events.js";
import type { FlagSubject } from "./types.js";

export interface ExposureOptions {
  /**
   * Maximum number of exposures of one tenant in a minute. Others are counted in `dropped`.
   * @default 100
   */
  readonly maxPerTenant?: number;
  /**
   * Maximum number of tenants with exposures in a minute.
   * @default 10_000
   */
  readonly maxTenants?: number;
}

const WINDOW_MS = 60_000;

/**
 * Publishes exposures: which tenants saw which side of a split. Each flag, rule and variant is published once for a tenant in
 * a minute, and each tenant has a bound, so that a loop over a flag costs one event.
 */
export function createExposures(
  { maxPerTenant, maxTenants }: Required<ExposureOptions>,
  clock: Clock,
): (flag: string, subject: FlagSubject, verdict: Verdict) => void {
  const target = channel(flagExpose.name);
  // Verdicts are built once for each flag, rule and variant, so that their identity stands for all three.
  let seen = new Map<string, Set<Verdict>>();
  let windowEnds = -Infinity;
  let dropped = 0;

  function record(flag: string, subject: FlagSubject, verdict: Verdict): void {
    const now = clock.monotonic();
    if (now >= windowEnds) {
      seen = new Map();
      windowEnds = now + WINDOW_MS;
    }
    const { tenantId = "", userId } = subject;
    let own = seen.get(tenantId);
    if (own?.has(verdict) === true) return;
    if ((own === undefined && seen.size >= maxTenants) || (own !== undefined && own.size >= maxPerTenant)) {
      dropped++;
      return;
    }
    if (own === undefined) seen.set(tenantId, (own = new Set()));
    own.add(verdict);
    publish({ flag, tenantId, userId, verdict });
  }

  function publish(of: { flag: string; tenantId: string; userId: string | undefined; verdict: Verdict }): void {
    const { value, variant, rule, reason } = of.verdict;
    const { tenantId, userId, flag } = of;
    const before = dropped;
    dropped = 0;
    flagExpose.publish(() => ({ tenantId, userId, flag, value, variant, rule, reason, dropped: before }));
  }

  return (flag, subject, verdict) => {
    // Asked here, because `publish` would need a closure for each evaluation.
    if (verdict.reason === "SPLIT" && target.hasSubscribers) record(flag, subject, verdict);
  };
}
