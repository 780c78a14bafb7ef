import {
  type Clock,
  ConfigError,
  definePlans,
  type Plan,
  type PlanResolver,
  type RateLimitRulesInput,
  type StoreFailurePolicy,
  systemClock,
} from "@scale/core";
import { clockOption, describeValue, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { memoryStore } from "./memory/store.js";
import { nameSchema, storeSchema } from "./store-options.js";
import type { RateLimitStore } from "./types.js";

interface CommonOptions {
  /**
   * Appears in keys, events and metrics. Limiters that share a store and its prefix need different names.
   * @default "api"
   */
  readonly name?: string;
  /**
   * Where counts are kept.
   * @default memoryStore(), which counts in this process alone
   */
  readonly store?: RateLimitStore;
  /**
   * Milliseconds that a store may take, for stores that have no deadline of their own.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * What a request gets when the store cannot answer, by rules that do not say so themselves. There is no right answer for every route: a login form wants
   * `deny`, a product page `allow`. `local` decides by this process's share of the limit, limit ÷ `instances`.
   * @default "throw"
   */
  readonly whenStoreFails?: StoreFailurePolicy;
  /** How many processes share the limits. Needed for `whenStoreFails: "local"`, also where it is of a rule. */
  readonly instances?: number;
  /**
   * Milliseconds for which a refusal is repeated without asking the store, at most until its retry time. What another
   * process gives back or resets is seen that much later. 0: every refusal is the store's.
   * @default 1000
   */
  readonly denialCacheMs?: number;
  /**
   * Called for every failure of the store, whatever `whenStoreFails` says. No request waits for it, and what it throws
   * becomes a warning of the process.
   */
  readonly onStoreError?: (error: unknown) => unknown;
  /** For tests: the time of what this process remembers. The store has a clock of its own. */
  readonly clock?: Clock;
}

/** Either the plans of a product, or the same rules for every tenant. */
export type RateLimiterOptions = CommonOptions &
  (
    | { readonly plans: PlanResolver; readonly rules?: never }
    | { readonly rules: RateLimitRulesInput; readonly plans?: never }
  );

const optionsSchema = z
  .strictObject({
    name: nameSchema.default("api"),
    store: storeSchema.default(() => memoryStore()),
    timeoutMs: timeoutOption(50),
    whenStoreFails: z.enum(["allow", "deny", "local", "throw"]).default("throw"),
    instances: z.int().min(1).max(100_000).optional(),
    denialCacheMs: z.number().min(0).max(60_000).default(1000),
    onStoreError: z
      .custom<NonNullable<CommonOptions["onStoreError"]>>((f) => typeof f === "function", "expected a function")
      .optional(),
    clock: clockOption.default(systemClock),
    plans: z.custom<PlanResolver>(isResolver, "expected a plan resolver from createPlanResolver").optional(),
    rules: z.unknown().optional(),
  })
  .refine(({ plans, rules }) => (plans === undefined) !== (rules === undefined), "expected either plans or rules")
  .refine(({ whenStoreFails, instances }) => whenStoreFails !== "local" || instances !== undefined, {
    path: ["instances"],
    message: 'expected the number of processes that share the limits, for whenStoreFails "local"',
  });

export interface ParsedOptions {
  readonly name: string;
  readonly store: RateLimitStore;
  readonly timeoutMs: number;
  readonly whenStoreFails: StoreFailurePolicy;
  readonly instances: number | undefined;
  readonly denialCacheMs: number;
  readonly clock: Clock;
  readonly onStoreError: CommonOptions["onStoreError"];
  readonly plans: PlanResolver | undefined;
  /** The plan of every tenant, and of who has none, when there are no `plans`. */
  readonly samePlan: Plan | undefined;
  readonly resolve: PlanResolver["resolve"];
  /** Lets plans be replaced by such as this limiter could not use: it is closed. */
  readonly endChecks: () => void;
}

/** @throws {ConfigError} also for plans of which one has no rate limit: it would fail every request of its tenants */
export function parseLimiterOptions(options: RateLimiterOptions): ParsedOptions {
  const { plans, rules, ...parsed } = parseOptions(optionsSchema, options, "createRateLimiter");
  const common = { ...parsed, instances: parsed.instances, onStoreError: parsed.onStoreError };
  if (plans !== undefined) {
    const endChecks = plans.check(({ names, resolve }) => {
      for (const name of names) checkPlan(resolve(name), common.instances);
    });
    return { ...common, plans, samePlan: undefined, resolve: plans.resolve, endChecks };
  }
  const samePlan = definePlans({ default: { rateLimit: { rules: rules as RateLimitRulesInput } } }).resolve("default");
  checkPlan(samePlan, common.instances);
  return { ...common, plans: undefined, samePlan, resolve: () => samePlan, endChecks: () => undefined };
}

function checkPlan({ name, rateLimit }: Plan, instances: number | undefined): void {
  if (rateLimit === undefined) {
    throw new ConfigError(`createRateLimiter: plans: plan ${describeValue(name)} has no rateLimit section`);
  }
  const all = [...rateLimit.rules, ...Object.values(rateLimit.groups).flat()];
  const local = all.find(({ whenStoreFails }) => whenStoreFails === "local");
  if (local === undefined || instances !== undefined) return;
  throw new ConfigError(
    `createRateLimiter: instances: expected the number of processes that share the limits, for rule ${describeValue(local.name)}, got undefined`,
  );
}

function isResolver(value: unknown): value is PlanResolver {
  return typeof value === "object" && value !== null && "resolve" in value && "check" in value;
}
