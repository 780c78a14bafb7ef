import { type Clock, ConfigError, type PlanResolver, type Plans } from "@scale/core";
import { clockOption, describeValue, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import { intervalOption } from "./period/interval.js";
import type { CountedBy } from "./plan/count-name.js";
import { thresholdsOption } from "./plan/thresholds.js";
import type {
  CountRows,
  Definitions,
  Interval,
  OverReserved,
  RowsMetric,
  RowsStore,
  Subscription,
  UsageMetric,
} from "./types.js";
import type { UsageStore } from "./usage/store.js";

interface MetricOptions<By extends CountedBy> {
  /** Name of one unit in results: `bytes`, `tokens`. */
  readonly unit?: string;
  /**
   * Whose units the limit of a plan is for: those of the tenant, or those of each of its users by themselves.
   * @default "tenant"
   */
  readonly by?: By;
  /**
   * Parts of the limit that are published when they are reached, ascending, with at most 4 decimals: `[0.5, 0.9, 1]`.
   * Parts above 1 are of soft limits, and of units that were counted above a hard one.
   * @default [0.8, 1]
   */
  readonly thresholds?: readonly number[];
}

export interface RowsMetricOptions<Db, By extends CountedBy = "tenant"> extends MetricOptions<By> {
  /**
   * Counts a tenant's rows on the connection or transaction it is passed. Called when a tenant has no counter yet, and by
   * `reconcile`. Without it a counter starts from 0: for metrics that start with the product.
   */
  readonly count?: CountRows<Db>;
}

export interface UsageMetricOptions<By extends CountedBy = "tenant"> extends MetricOptions<By> {
  /**
   * Interval after which the count starts again from 0, counted from the start of the tenant's subscription: `"month"`, or
   * `{ days: 10 }`.
   */
  readonly per: Interval;
  /**
   * Treatment of units above the reserved ones when the limit has no room for them, for commits that do not say: the work
   * turned out larger. `overflow` records them, `cap` records what fits, `reject` records nothing and keeps the hold.
   * @default "overflow"
   */
  readonly over?: OverReserved;
}

/** Decision when the usage store does not answer: the use passes uncounted, or rejects with the store's error. */
export type UsageFailurePolicy = "allow" | "throw";

export interface QuotaOptions<Metrics extends Definitions<Db>, Db> {
  /** Metrics to count, by the names that the plans use. */
  readonly metrics: Metrics;
  /** Resolver of the tenants' plans. Every plan must have a limit for every metric, and for no other. */
  readonly plans: PlanResolver;
  /** Store of the row counters: `pgRows`, `drizzleRows` or `prismaRows`. Required for metrics made with `rows`. */
  readonly rows?: RowsStore<Db>;
  /** Store of the usage counts: `redisUsage`, or `memoryUsage`. Required for metrics made with `usage`. */
  readonly usage?: UsageStore;
  /**
   * Lookup of the start of a tenant's billing periods. Called for every use of a usage metric, so cache what it reads.
   * Another anchor or time zone makes other periods, and a count that starts from 0: the tenant must not choose them.
   * Required for usage metrics other than `per: "forever"`.
   */
  readonly subscription?: (tenantId: string) => Subscription | Promise<Subscription>;
  /**
   * Decision for a use of a usage metric when its store does not answer, by the kind of the limit. Every such use is
   * published as `scale:quota:store-fail`.
   * @default { hard: "throw", soft: "allow" }
   */
  readonly whenUsageFails?: { readonly hard?: UsageFailurePolicy; readonly soft?: UsageFailurePolicy };
  readonly clock?: Clock;
}

const policy = z.enum(["allow", "throw"]);
const unit = z.string().min(1).max(64).optional();
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const metric = { unit, by: z.enum(["tenant", "user"]).optional(), thresholds: thresholdsOption };

const rowsSchema = z.strictObject({
  ...metric,
  count: z.custom<CountRows<never>>((value) => typeof value === "function", "expected a function").optional(),
});

const usageSchema = z.strictObject({
  ...metric,
  per: intervalOption,
  over: z.enum(["reject", "cap", "overflow"]).default("overflow"),
});

const optionsSchema = z.strictObject({
  metrics: z
    .record(
      z.string(),
      z.custom<Definitions<never>[string]>(
        (value) => isObject(value) && "kind" in value && (value.kind === "rows" || value.kind === "usage"),
        "expected rows(…) or usage(…)",
      ),
    )
    .refine((metrics) => Object.keys(metrics).length > 0, "expected at least one metric"),
  plans: z.custom<PlanResolver>(
    (value) => isObject(value) && "resolve" in value && "check" in value,
    "expected a plan resolver from createPlanResolver",
  ),
  rows: z
    .custom<RowsStore<never>>((value) => isObject(value) && "giveBack" in value, "expected a rows store")
    .optional(),
  usage: z
    .custom<UsageStore>(
      (value) => isObject(value) && "reserve" in value && "consume" in value,
      "expected a usage store",
    )
    .optional(),
  subscription: z
    .custom<NonNullable<QuotaOptions<never, never>["subscription"]>>(
      (value) => typeof value === "function",
      "expected a function",
    )
    .optional(),
  whenUsageFails: z.strictObject({ hard: policy.default("throw"), soft: policy.default("allow") }).prefault({}),
  clock: clockOption.optional(),
});

/** A metric over rows that exist, counted in the transaction that inserts or deletes them. */
export function rows<Db = unknown, By extends CountedBy = "tenant">(
  options: RowsMetricOptions<Db, By> = {},
): RowsMetric<Db, By> {
  parseOptions(rowsSchema, options, "rows");
  return { kind: "rows", ...metricOf(options), count: options.count };
}

/** A metric over consumption in a billing period, reserved before the work and committed after it. */
export function usage<By extends CountedBy = "tenant">(options: UsageMetricOptions<By>): UsageMetric<By> {
  const { per, over } = parseOptions(usageSchema, options, "usage");
  return { kind: "usage", ...metricOf(options), per, over };
}

function metricOf<By extends CountedBy>({
  unit: name,
  by,
  thresholds,
}: MetricOptions<By>): Pick<UsageMetric<By>, "unit" | "by" | "thresholds"> {
  // Without the option, `By` is "tenant".
  return { unit: name, by: by ?? ("tenant" as By), thresholds };
}

/** @throws {ConfigError} also for plans that lack a limit for a metric, or have one for another */
export function parseQuotaOptions<Metrics extends Definitions<Db>, Db>(
  options: QuotaOptions<Metrics, Db>,
): {
  readonly rowsMetrics: ReadonlyMap<string, RowsMetric<Db, CountedBy>>;
  readonly usageMetrics: ReadonlyMap<string, UsageMetric<CountedBy>>;
  readonly whenUsageFails: Required<NonNullable<QuotaOptions<Metrics, Db>["whenUsageFails"]>>;
} {
  const { whenUsageFails } = parseOptions(optionsSchema, options, "createQuota");
  const rowsMetrics = new Map<string, RowsMetric<Db, CountedBy>>();
  const usageMetrics = new Map<string, UsageMetric<CountedBy>>();
  for (const [name, metric] of Object.entries(options.metrics)) {
    if (metric.kind === "rows") rowsMetrics.set(name, metric);
    else usageMetrics.set(name, metric);
  }
  requireFor(rowsMetrics, options.rows, "rows: expected a store");
  requireFor(usageMetrics, options.usage, "usage: expected a store");
  const periodic = [...usageMetrics].filter(([, { per }]) => per !== "forever");
  requireFor(new Map(periodic), options.subscription, "subscription: expected a function");
  checkPlans(options.plans, Object.keys(options.metrics));
  return { rowsMetrics, usageMetrics, whenUsageFails };
}

function requireFor(metrics: ReadonlyMap<string, unknown>, option: unknown, expected: string): void {
  const [first] = metrics.keys();
  if (first === undefined || option !== undefined) return;
  throw new ConfigError(`createQuota: ${expected} for metric ${describeValue(first)}, got none`);
}

/** Checks the current plans, and the plans of every later `replace`. */
function checkPlans(resolver: PlanResolver, metrics: readonly string[]): void {
  resolver.check((plans: Plans) => {
    for (const plan of plans.names) {
      const limited = Object.keys(plans.find(plan)?.quota ?? {});
      const missing = metrics.find((metric) => !limited.includes(metric));
      if (missing !== undefined) throw wrongPlan(plan, `no limit for metric ${describeValue(missing)}`);
      const unknown = limited.find((metric) => !metrics.includes(metric));
      if (unknown !== undefined) {
        throw wrongPlan(plan, `a limit for unknown metric ${describeValue(unknown)}, known: ${metrics.join(", ")}`);
      }
    }
  });
}

const wrongPlan = (plan: string, problem: string): ConfigError =>
  new ConfigError(`createQuota: plans: plan ${describeValue(plan)} has ${problem}`);
