import { z } from "zod";
import { isScaleError } from "../errors.js";
import { parseDuration } from "../units.js";
import type { Plan, RateLimitRule } from "./types.js";

const name = z.string().regex(/^[a-z][a-z0-9-]{0,63}$/i, "expected a name of letters, digits and dashes");

const durationMs = z.unknown().transform((value, context) => {
  try {
    return parseDuration(value);
  } catch (error) {
    context.addIssue({ code: "custom", message: isScaleError(error) ? error.message : String(error) });
    return z.NEVER;
  }
});

const units = z.int().min(1).max(Number.MAX_SAFE_INTEGER);
// 400 days: longer than any billing year, short enough that microseconds stay exact.
const LONGEST_MS = 400 * 86_400_000;
const windowMs = durationMs.pipe(z.number().min(1).max(LONGEST_MS));

const rule = z
  .strictObject({
    limit: units,
    window: windowMs,
    burst: units.optional(),
    by: z.enum(["tenant", "user", "ip"]).optional(),
  })
  .refine(({ limit, window, burst = limit }) => (window * burst) / limit <= LONGEST_MS, {
    path: ["burst"],
    message: "expected a burst that fills again within 400 days",
  })
  .transform(({ limit, window, burst, by }) => ({ limit, windowMs: window, burst: burst ?? limit, by }));

const rules = z.record(name, rule).transform((named, context): RateLimitRule[] =>
  Object.entries(named).map(([ruleName, { by, ...rest }]) => {
    const scope = by ?? scopeOf(ruleName);
    if (scope !== undefined) return { name: ruleName, by: scope, ...rest };
    context.addIssue({ code: "custom", path: [ruleName, "by"], message: 'expected "tenant", "user" or "ip"' });
    return z.NEVER;
  }),
);

function scopeOf(ruleName: string): RateLimitRule["by"] | undefined {
  return ruleName === "tenant" || ruleName === "user" || ruleName === "ip" ? ruleName : undefined;
}

/** One plan as it is written, turned into the form that the packages read. */
export const planSchema: z.ZodType<{ rateLimit?: Plan["rateLimit"] }> = z.strictObject({
  rateLimit: z
    .strictObject({
      rules: rules.refine((list) => list.length > 0, "expected at least one rule"),
      groups: z.record(name, rules).default({}),
    })
    .optional(),
});

export const planNameSchema: z.ZodType<string> = name;
