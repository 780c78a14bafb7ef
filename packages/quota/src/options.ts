import { type Clock, ConfigError, type PlanResolver, type Plans } from "@scale/core";
import { clockOption, describeValue, parseOptions } from "@scale/core/kit";
import { z } from "zod";
import type { MetricDefinition, RowsMetric, RowsStore, Subscription, UsageMetric } from "./types.js";
import type { BulkUsageStore } from "./usage/store.js";

/** What a use gets when its count cannot be asked: it passes uncounted, or fails with the store's error. */
export type UsageFailurePolicy = "allow" | "throw";

export interface QuotaOptions<Metrics extends Readonly<Record<string, MetricDefinition<Db>>>, Db> {
  /** What is counted, by the names that the plans use. */
  readonly metrics: Metrics;
  /** Every plan must say a limit for every metric, and for no other. */
  readonly plans: PlanResolver;
  /** Where rows are counted: `pgRows`, `drizzleRows` or `prismaRows`. Needed for metrics made with `rows`. */
  readonly rows?: RowsStore<Db>;
  /** Where usage is counted: `redisUsage`, or `memoryUsage`. Needed for metrics made with `usage`. */
  readonly usage?: BulkUsageStore;
  /**
   * From when a tenant's billing periods are counted. Asked for every use of a usage metric: remember what you look up.
   * Another anchor or time zone makes other periods, and a count that starts from 0: the tenant must not choose them.
   * Needed for usage metrics other than `per: "forever"`.
   */
  readonly subscription?: (tenantId: string) => Subscription | Promise<Subscription>;
  /**
   * What a use of a usage metric gets when its store cannot answer, by the kind of the limit. Every such use is
   * published as `scale:quota:store-fail`.
   * @default { hard: "throw", soft: "allow" }
   */
  readonly whenUsageFails?: { readonly hard?: UsageFailurePolicy; readonly soft?: UsageFailurePolicy };
  readonly clock?: Clock;
}

const policy = z.enum(["allow", "throw"]);
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const optionsSchema = z.strictObject({
  metrics: z
    .record(
      z.string(),
      z.custom<MetricDefinition<never>>(
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
    .custom<BulkUsageStore>((value) => isObject(value) && "reserveAll" in value, "expected a usage store")
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

export interface ParsedQuotaOptions<Db> {
  readonly rowsMetrics: ReadonlyMap<string, RowsMetric<Db>>;
  readonly usageMetrics: ReadonlyMap<string, UsageMetric>;
  readonly whenUsageFails: { readonly hard: UsageFailurePolicy; readonly soft: UsageFailurePolicy };
}

/** @throws {ConfigError} also for plans that do not say a limit for every metric, or say one for another */
export function parseQuotaOptions<Metrics extends Readonly<Record<string, MetricDefinition<Db>>>, Db>(
  options: QuotaOptions<Metrics, Db>,
): ParsedQuotaOptions<Db> {
  const { whenUsageFails } = parseOptions(optionsSchema, options, "createQuota");
  const rowsMetrics = new Map<string, RowsMetric<Db>>();
  const usageMetrics = new Map<string, UsageMetric>();
  for (const [name, metric] of Object.entries(options.metrics)) {
    if (metric.kind === "rows") rowsMetrics.set(name, metric);
    else usageMetrics.set(name, metric);
  }
  needs(rowsMetrics, options.rows, "rows: expected a store");
  needs(usageMetrics, options.usage, "usage: expected a store");
  const periodic = [...usageMetrics].filter(([, { per }]) => per !== "forever");
  needs(new Map(periodic), options.subscription, "subscription: expected a function");
  checkPlans(options.plans, Object.keys(options.metrics));
  return { rowsMetrics, usageMetrics, whenUsageFails };
}

function needs(metrics: ReadonlyMap<string, unknown>, option: unknown, expected: string): void {
  const [first] = metrics.keys();
  if (first === undefined || option !== undefined) return;
  throw new ConfigError(`createQuota: ${expected} for metric ${describeValue(first)}, got none`);
}

/** Also for the plans of every later `replace`. */
function checkPlans(resolver: PlanResolver, metrics: readonly string[]): void {
  resolver.check((plans: Plans) => {
    for (const plan of plans.names) {
      const said = Object.keys(plans.find(plan)?.quota ?? {});
      const missing = metrics.find((metric) => !said.includes(metric));
      if (missing !== undefined) throw wrongPlan(plan, `no limit for metric ${describeValue(missing)}`);
      const unknown = said.find((metric) => !metrics.includes(metric));
      if (unknown !== undefined) {
        throw wrongPlan(plan, `a limit for unknown metric ${describeValue(unknown)}, known: ${metrics.join(", ")}`);
      }
    }
  });
}

const wrongPlan = (plan: string, problem: string): ConfigError =>
  new ConfigError(`createQuota: plans: plan ${describeValue(plan)} has ${problem}`);
