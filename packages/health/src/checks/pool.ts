import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { CheckOptions, CheckOutcome, HealthCheck } from "../types.js";
import { ratioOption, requireMethod } from "./check-options.js";

/** The part of a `pg` pool that the check uses. */
export interface PoolLike {
  query(text: string): PromiseLike<unknown>;
  readonly totalCount?: number;
  readonly idleCount?: number;
  /** Callers that wait for a connection. */
  readonly waitingCount?: number;
  readonly options?: { readonly max?: number };
}

export interface PoolCheckOptions extends CheckOptions {
  /** Part of the connections in use, 0 to 1, from which on the check warns. @default 0.8 */
  readonly warnAtUsage?: number;
}

const optionsSchema = z.strictObject({ warnAtUsage: ratioOption(0.8) });

/**
 * Sends `select 1`, and warns about a pool that is nearly used up. While callers wait for a connection it sends nothing: the
 * database is busy, not down, and a probe would only make the queue longer.
 */
export function poolCheck(pool: PoolLike, options: PoolCheckOptions = {}): HealthCheck {
  requireMethod(pool, "query", "poolCheck: pool");
  const { warnAtUsage: given, ...common } = options;
  const { warnAtUsage } = parseOptions(optionsSchema, { warnAtUsage: given }, "poolCheck");
  return {
    name: "database",
    group: "database",
    ...common,
    async run() {
      const { waitingCount = 0 } = pool;
      if (waitingCount > 0) return { status: "warn", output: `${waitingCount} callers wait for a connection` };
      const usage = usageOf(pool);
      await pool.query("select 1");
      if (usage === undefined) return undefined;
      const observed = { observedValue: Math.round(usage * 100), observedUnit: "percent" };
      return usage < warnAtUsage ? { status: "pass", ...observed } : saturated(observed);
    },
  };
}

const saturated = (observed: Pick<CheckOutcome, "observedValue" | "observedUnit">): CheckOutcome => ({
  status: "warn",
  ...observed,
  output: `${observed.observedValue} % of the connections are in use`,
});

function usageOf({ totalCount, idleCount, options }: PoolLike): number | undefined {
  const max = options?.max;
  if (totalCount === undefined || idleCount === undefined || max === undefined || max <= 0) return undefined;
  return (totalCount - idleCount) / max;
}
