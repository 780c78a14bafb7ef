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
import { clockOption, describeValue, functionOption, parseOptions, timeoutOption } from "@scale/core/kit";
import { z } from "zod";
import { memoryStore } from "./memory/store.js";
import { DEFAULT_IPV6_PREFIX } from "./subject.js";
import type { RateLimitStore } from "./types.js";

interface CommonOptions {
  /**
   * Appears in keys, events and metrics. Limiters that share a store and its prefix need different names.
   * @default "api"
   */
  readonly name?: string;
  /**
   * Store of the counts.
   * @default memoryStore(), which counts in this process alone
   */
  readonly store?: RateLimitStore;
  /**
   * Deadline of a call to the store in milliseconds, for stores that have none of their own.
   * @default 50
   */
  readonly timeoutMs?: number;
  /**
   * Failure policy of rules that have none of their own, for when the store cannot answer. No policy suits every route: a
   * login form needs `deny`, a product page `allow`. `local` decides by this process's share, limit ÷ `instances`.
   * @default "throw"
   */
  readonly whenStoreFails?: StoreFailurePolicy;
  /** Number of processes that share the limits. Required for `whenStoreFails: "local"`, of the limiter or of a rule. */
  readonly instances?: number;
  /**
   * Milliseconds for which a refusal is repeated without asking the store, at most until its retry time. A refund or reset
   * by another process takes effect here that much later. 0 turns the denial cache off.
   * @default 1000
   */
  readonly denialCacheMs?: number;
  /**
   * Length of the IPv6 prefix that is counted as one client, 32 to 64 bits. A subscriber owns a whole prefix, and may send
   * each request from another address of it.
   * @default 56
   */
  readonly ipv6Prefix?: number;
  /**
   * Callback for every failure of the store, whatever `whenStoreFails` says. No request waits for it, and an error that it
   * throws is emitted as a process warning.
   */
  readonly onStoreError?: (error: unknown) => unknown;
  /** Clock of the denial cache, leases and slot renewal, for tests. The store has a clock of its own. */
  readonly clock?: Clock;
}

/** Either the plans of a product, or the same rules for every tenant. */
export type RateLimiterOptions<Group extends string = string> = CommonOptions &
  (
    | { readonly plans: PlanResolver<string, Group>; readonly rules?: never }
    | { readonly rules: RateLimitRulesInput; readonly plans?: never }
  );

/** Name of a limiter, or of another counter in a store. */
export const nameOption: z.ZodString = z
  .string()
  .regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, dots and dashes");

export const storeOption: z.ZodType<RateLimitStore> = z.custom<RateLimitStore>(
  (value) => typeof value === "object" && value !== null && "consume" in value && typeof value.consume === "function",
  "expected a store with a consume method",
);

const optionsSchema = z
  .strictObject({
    name: nameOption.default("api"),
    store: storeOption.default(() => memoryStore()),
    timeoutMs: timeoutOption(50),
    whenStoreFails: z.enum(["allow", "deny", "local", "throw"]).default("throw"),
    instances: z.int().min(1).max(100_000).optional(),
    denialCacheMs: z.number().min(0).max(60_000).default(1000),
    ipv6Prefix: z.int().min(32).max(64).default(DEFAULT_IPV6_PREFIX),
    onStoreError: functionOption<NonNullable<CommonOptions["onStoreError"]>>().optional(),
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
  readonly ipv6Prefix: number;
  readonly clock: Clock;
  readonly onStoreError: CommonOptions["onStoreError"];
  readonly plans: PlanResolver | undefined;
  /** The one plan of every subject, with or without a tenant, when the limiter has `rules` instead of `plans`. */
  readonly samePlan: Plan | undefined;
  readonly resolve: PlanResolver["resolve"];
  /** Stops checking replacement plans against this limiter, because it was closed. */
  readonly endPlanChecks: () => void;
}

/** @throws {ConfigError} also when a plan has no rate limit: every request of its tenants would fail */
export function parseLimiterOptions(options: RateLimiterOptions): ParsedOptions {
  const { plans, rules, ...parsed } = parseOptions(optionsSchema, options, "createRateLimiter");
  const common = { ...parsed, instances: parsed.instances, onStoreError: parsed.onStoreError };
  if (plans !== undefined) {
    const endPlanChecks = plans.check(({ names, resolve }) => {
      for (const name of names) checkPlan(resolve(name), common);
    });
    return { ...common, plans, samePlan: undefined, resolve: plans.resolve, endPlanChecks };
  }
  const samePlan = definePlans({ default: { rateLimit: { rules: rules as RateLimitRulesInput } } }).resolve("default");
  checkPlan(samePlan, common);
  return { ...common, plans: undefined, samePlan, resolve: () => samePlan, endPlanChecks: () => undefined };
}

function checkPlan({ name, rateLimit }: Plan, { instances, store }: Pick<ParsedOptions, "instances" | "store">): void {
  if (rateLimit === undefined) {
    throw new ConfigError(`createRateLimiter: plans: plan ${describeValue(name)} has no rateLimit section`);
  }
  const all = [...rateLimit.rules, ...Object.values(rateLimit.groups).flat()];
  const blocking = all.find(({ block }) => block !== undefined);
  if (blocking !== undefined && store.blocks !== true) {
    throw new ConfigError(
      `createRateLimiter: store: expected one that blocks subjects, for rule ${describeValue(blocking.name)}, got one without blocks`,
    );
  }
  const local = all.find(({ whenStoreFails }) => whenStoreFails === "local");
  if (local === undefined || instances !== undefined) return;
  throw new ConfigError(
    `createRateLimiter: instances: expected the number of processes that share the limits, for rule ${describeValue(local.name)}, got undefined`,
  );
}

function isResolver(value: unknown): value is PlanResolver {
  return typeof value === "object" && value !== null && "resolve" in value && "check" in value;
}
