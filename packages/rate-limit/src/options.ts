import { ConfigError, definePlans, type PlanResolver, parseOptions, type RateLimitRulesInput, show } from "@scale/core";
import { z } from "zod";
import { memoryStore } from "./memory.js";
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
   * What a request gets when the store cannot answer. There is no right answer for every route: a login form wants
   * `deny`, a product page `allow`. `local` decides by this process's share of the limit, limit ÷ `instances`.
   * @default "throw"
   */
  readonly whenStoreFails?: "allow" | "deny" | "local" | "throw";
  /** How many processes share the limits. Needed for `whenStoreFails: "local"`. */
  readonly instances?: number;
  /**
   * Called for every failure of the store, whatever `whenStoreFails` says. No request waits for it, and what it throws
   * becomes a warning of the process.
   */
  readonly onStoreError?: (error: unknown) => unknown;
}

/** Either the plans of a product, or the same rules for every tenant. */
export type RateLimiterOptions = CommonOptions &
  (
    | { readonly plans: PlanResolver; readonly rules?: never }
    | { readonly rules: RateLimitRulesInput; readonly plans?: never }
  );

const optionsSchema = z
  .strictObject({
    name: z
      .string()
      .regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, dots and dashes")
      .default("api"),
    store: z.custom<RateLimitStore>(isStore, "expected a store with a take method").default(() => memoryStore()),
    timeoutMs: z.number().min(1).max(60_000).default(50),
    whenStoreFails: z.enum(["allow", "deny", "local", "throw"]).default("throw"),
    instances: z.int().min(1).max(100_000).optional(),
    onStoreError: z
      .custom<NonNullable<CommonOptions["onStoreError"]>>((f) => typeof f === "function", "expected a function")
      .optional(),
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
  readonly whenStoreFails: "allow" | "deny" | "local" | "throw";
  readonly instances: number;
  readonly onStoreError: CommonOptions["onStoreError"];
  readonly plans: Pick<PlanResolver, "resolve">;
}

/** @throws {ConfigError} also for plans of which one has no rate limit: it would fail every request of its tenants */
export function parseLimiterOptions(options: RateLimiterOptions): ParsedOptions {
  const parsed = parseOptions(optionsSchema, options, "createRateLimiter");
  const plans = parsed.plans === undefined ? samePlan(options.rules ?? {}) : checkPlans(parsed.plans);
  return { ...parsed, instances: parsed.instances ?? 1, onStoreError: parsed.onStoreError, plans };
}

function samePlan(rules: RateLimitRulesInput): Pick<PlanResolver, "resolve"> {
  const plan = definePlans({ default: { rateLimit: { rules } } }).resolve("default");
  return { resolve: () => plan };
}

function checkPlans(resolver: PlanResolver): PlanResolver {
  resolver.check(({ names, resolve }) => {
    const without = names.find((name) => resolve(name).rateLimit === undefined);
    if (without === undefined) return;
    throw new ConfigError(`createRateLimiter: plans: plan ${show(without)} has no rateLimit section`);
  });
  return resolver;
}

function isStore(value: unknown): value is RateLimitStore {
  return typeof value === "object" && value !== null && "take" in value && typeof value.take === "function";
}

function isResolver(value: unknown): value is PlanResolver {
  return typeof value === "object" && value !== null && "resolve" in value && "check" in value;
}
