import { z } from "zod";
import { isScaleError } from "../errors.js";
import { durationOption } from "../option-fragments.js";
import { parseBytes } from "../units.js";
import type {
  CacheShare,
  PageSize,
  Plan,
  QueueShare,
  QuotaLimit,
  RateLimitBlock,
  RateLimitRule,
  RealtimeShare,
} from "./types.js";
import { shareOf } from "./share.js";

const name = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/i, "expected a name of letters, digits and dashes");

// Metric names come from code, so `aiTokens` is valid.
const metricName = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/i, "expected a name of letters, digits, _ and -");

// Keys of subjects come from code too, so `apiKey` is valid.
const keyName = z
  .string('expected "tenant", "user", "ip" or the name of a key')
  .regex(/^[a-z][a-z0-9_-]{0,63}$/i, 'expected "tenant", "user", "ip" or the name of a key: letters, digits, _ and -');

const bytes: z.ZodType<number> = z.unknown().transform((value, context) => {
  try {
    return parseBytes(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: isScaleError(error) ? error.message : String(error) });
    return z.NEVER;
  }
});

const units = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
// 400 days: longer than a billing year, and short enough that microseconds stay exact integers.
const LONGEST_MS = 400 * 86_400_000;
const windowMs = durationOption.pipe(z.number().min(1).max(LONGEST_MS));

const common = {
  limit: units,
  by: keyName.optional(),
  shadow: z.boolean().default(false),
  whenSubjectMissing: z.enum(["deny", "shared", "skip"]).optional(),
  whenStoreFails: z.enum(["allow", "deny", "local", "throw"]).optional(),
};

const DAY_MS = 86_400_000;

const block = z
  .strictObject({
    afterDenials: z.int().min(1).max(1_000_000).default(1),
    duration: windowMs,
    factor: z.number().min(1).max(1000).default(1),
    maxDuration: windowMs.optional(),
  })
  .refine(({ duration, maxDuration = duration }) => maxDuration >= duration, {
    path: ["maxDuration"],
    message: "expected at least duration",
  })
  .transform(({ afterDenials, duration, factor, maxDuration }): RateLimitBlock => {
    return { afterDenials, durationMs: duration, factor, maxMs: maxDuration ?? Math.max(duration, DAY_MS) };
  });

type UnnamedRule = Omit<RateLimitRule, "name" | "by"> & { readonly by: RateLimitRule["by"] | undefined };

const windowRule = z
  .strictObject({
    ...common,
    algorithm: z.enum(["gcra", "sliding-window", "strict-window", "fixed-window"]).default("gcra"),
    window: windowMs,
    burst: units.optional(),
    lease: durationOption.pipe(z.number().min(1).max(60_000)).optional(),
    block: block.optional(),
  })
  .refine(({ algorithm, burst }) => algorithm === "gcra" || burst === undefined, {
    path: ["burst"],
    message: 'expected no burst: it needs algorithm "gcra"',
  })
  .refine(({ algorithm, lease }) => algorithm === "gcra" || lease === undefined, {
    path: ["lease"],
    message: 'expected no lease: it needs algorithm "gcra"',
  })
  .refine(({ lease, block: blocking }) => lease === undefined || blocking === undefined, {
    path: ["block"],
    message: "expected no block: leased units are admitted without the store, which counts the denials",
  })
  .refine(({ limit, window, burst = limit }) => (window * burst) / limit <= LONGEST_MS, {
    path: ["burst"],
    message: "expected a burst that fills again within 400 days",
  })
  .transform(({ window, burst, lease = 0, by, whenStoreFails, ...rest }): UnnamedRule => {
    return { ...rest, by, windowMs: window, burst: burst ?? rest.limit, leaseMs: lease, whenStoreFails };
  });

const concurrencyRule = z
  .strictObject({ ...common, algorithm: z.literal("concurrency"), ttl: windowMs.default(60_000) })
  .transform(({ ttl, by, whenStoreFails, ...rest }): UnnamedRule => {
    return { ...rest, by, windowMs: ttl, burst: rest.limit, leaseMs: 0, whenStoreFails };
  });

/** Nothing is counted, so that only the limit and the burst have a meaning. */
const UNLIMITED: UnnamedRule = {
  ...{ by: undefined, algorithm: "gcra", limit: Infinity, burst: Infinity, windowMs: 1 },
  ...{ shadow: false, leaseMs: 0, whenStoreFails: undefined },
};

// Not a plain union, which would report every mistake with the messages of both forms.
const rule = z.unknown().transform((value, context): UnnamedRule => {
  if (value === "unlimited") return UNLIMITED;
  const isConcurrency =
    typeof value === "object" && value !== null && "algorithm" in value && value.algorithm === "concurrency";
  const parsed = (isConcurrency ? concurrencyRule : windowRule).safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) context.addIssue({ ...issue });
  return z.NEVER;
});

/** All rules of a request are decided by one command, which blocks the server for as long as they take. */
const MAX_RULES = 16;

const ruleSet = z
  .record(name, rule)
  .refine((named) => Object.keys(named).length <= MAX_RULES, `expected at most ${MAX_RULES} rules`);

const rules = ruleSet.transform((named, context): RateLimitRule[] =>
  Object.entries(named).map(([ruleName, { by, ...rest }]) => {
    const scope = by ?? scopeOf(ruleName) ?? (rest.limit === Infinity ? "tenant" : undefined);
    if (scope !== undefined) return { ...rest, name: ruleName, by: scope };
    context.addIssue({
      code: "custom",
      path: [ruleName, "by"],
      message: 'expected "tenant", "user", "ip" or the name of a key',
    });
    return z.NEVER;
  }),
);

function scopeOf(ruleName: string): RateLimitRule["by"] | undefined {
  return ruleName === "tenant" || ruleName === "user" || ruleName === "ip" ? ruleName : undefined;
}

// Counts of rows, tokens and bytes are added: below 2^52 no sum of two is rounded.
const amount = z
  .int()
  .min(0)
  .max(2 ** 52);

const quotaLimit = z
  .discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("hard"), limit: amount }),
    z.strictObject({ kind: z.literal("soft"), limit: amount, overage: z.number().min(0).max(1000).optional() }),
    z.strictObject({ kind: z.literal("unlimited") }),
  ])
  .transform((input): QuotaLimit => {
    if (input.kind === "unlimited") return { kind: "unlimited", limit: Infinity, max: Infinity };
    const { kind, limit } = input;
    if (kind === "hard") return { kind, limit, max: limit };
    const { overage } = input;
    return { kind, limit, max: overage === undefined ? Infinity : limit + shareOf(limit, overage, "down") };
  });

const cacheShare = z
  .strictObject({
    weight: z.number().gt(0).max(1_000_000).default(1),
    // A fraction below one byte rounds down to 0, which is not a size.
    maxBytes: bytes.pipe(z.number().min(1)).optional(),
  })
  .transform(({ weight, maxBytes = Infinity }): CacheShare => ({ weight, maxBytes }));

const queueShare = z
  .strictObject({
    weight: z.number().gt(0).max(1_000_000).default(1),
    maxInFlight: z.int().min(1).max(1_000_000).optional(),
    maxBacklog: z.int().min(1).max(1_000_000_000).default(100_000),
    rate: z.strictObject({ limit: z.int().min(1).max(1_000_000_000), window: windowMs }).optional(),
  })
  .transform(({ weight, maxInFlight = Infinity, maxBacklog, rate }): QueueShare => {
    const windowed = rate === undefined ? undefined : { limit: rate.limit, windowMs: rate.window };
    return Object.freeze({ weight, maxInFlight, maxBacklog, rate: windowed });
  });

const pageSize = z
  .strictObject({ default: units.optional(), max: units.optional() })
  .refine((sizes) => sizes.default === undefined || sizes.max === undefined || sizes.default <= sizes.max, {
    path: ["default"],
    message: "expected at most max",
  })
  .transform((sizes): PageSize => ({ default: sizes.default, max: sizes.max }));

const connections = z.int().min(1).max(1_000_000).optional();

const realtimeShare = z
  .strictObject({ maxConnections: connections, maxConnectionsPerUser: connections })
  .transform(({ maxConnections, maxConnectionsPerUser }): RealtimeShare => ({ maxConnections, maxConnectionsPerUser }));

/** A plan without its name. A section that is missing is not part of the plan. */
export type PlanSections = { readonly [Section in Exclude<keyof Plan, "name">]?: Plan[Section] };

/** Parses one plan of the plan file into the form that packages read. */
export const planSchema: z.ZodType<PlanSections> = z.strictObject({
  rateLimit: z
    .strictObject({
      rules: rules.refine((list) => list.length > 0, "expected at least one rule"),
      groups: z.record(name, rules).default({}),
    })
    .optional(),
  quota: z.record(metricName, quotaLimit).optional(),
  cache: cacheShare.optional(),
  database: z.strictObject({ maxConnections: z.int().min(1).max(10_000) }).optional(),
  pageSize: pageSize.optional(),
  queue: queueShare.optional(),
  realtime: realtimeShare.optional(),
});

export const planNameSchema: z.ZodType<string> = name;
