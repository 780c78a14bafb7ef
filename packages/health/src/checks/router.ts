import { parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { CheckOptions, CheckOutcome, HealthCheck } from "../types.js";
import { requireMethod } from "./check-options.js";

/** The part of a router of `@scale/db-router` that the check reads. */
export interface RouterLike {
  health(): {
    readonly isReadable: boolean;
    readonly isWritable: boolean;
    readonly nodes: readonly RouterNodeLike[];
  };
}

export interface RouterNodeLike {
  readonly name: string;
  readonly serves: string;
  readonly reason: string | undefined;
  readonly lagMs: number | undefined;
}

export interface RouterCheckOptions extends CheckOptions {
  /** Replica lag in milliseconds from which on the check warns. @default 5000 */
  readonly warnAtLagMs?: number;
}

const optionsSchema = z.strictObject({ warnAtLagMs: z.number().min(0).default(5_000) });

/**
 * Reads what a router of `@scale/db-router` knows about its servers. It sends nothing: the router polls them. The check fails
 * when nothing can be read, and warns without a primary, and for every server that serves nothing or lags.
 */
export function routerCheck(router: RouterLike, options: RouterCheckOptions = {}): HealthCheck {
  requireMethod(router, "health", "routerCheck: router");
  const { warnAtLagMs: given, ...common } = options;
  const { warnAtLagMs } = parseOptions(optionsSchema, { warnAtLagMs: given }, "routerCheck");
  return {
    name: "database",
    group: "database",
    everyMs: 1_000,
    ...common,
    run: () => outcomeOf(router.health(), warnAtLagMs),
  };
}

function outcomeOf(health: ReturnType<RouterLike["health"]>, warnAtLagMs: number): CheckOutcome {
  const { isReadable, isWritable, nodes } = health;
  const serving = nodes.filter(({ serves }) => serves !== "nothing").length;
  const observed = { observedValue: serving, observedUnit: `of ${nodes.length} servers` };
  if (!isReadable) return { status: "fail", ...observed, output: "no server can be read" };
  const problems = [
    ...(isWritable ? [] : ["no primary accepts writes"]),
    ...nodes.flatMap((node) => problemOf(node, warnAtLagMs) ?? []),
  ];
  if (problems.length === 0) return { status: "pass", ...observed };
  return { status: "warn", ...observed, output: problems.join("; ") };
}

function problemOf({ name, serves, reason, lagMs }: RouterNodeLike, warnAtLagMs: number): string | undefined {
  if (serves === "nothing") return `${name} serves nothing${reason === undefined ? "" : ` (${reason})`}`;
  return lagMs !== undefined && lagMs >= warnAtLagMs ? `${name} lags by ${Math.round(lagMs)} ms` : undefined;
}
