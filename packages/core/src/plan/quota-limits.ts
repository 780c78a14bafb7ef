import type { QuotaLimitInput } from "./types.js";

/** At most `limit` units. 0 means that the plan does not include the metric. */
export function hard(limit: number): QuotaLimitInput {
  return { kind: "hard", limit };
}

/**
 * Includes `limit` units. Usage above it is admitted and reported.
 * @param options `overage`: the share of `limit` that is admitted above it, 0.1 for 10 %. Without it nothing is refused.
 */
export function soft(limit: number, options: { readonly overage?: number } = {}): QuotaLimitInput {
  return { kind: "soft", limit, ...options };
}

/** No limit: nothing is refused. Usage is counted all the same, rows are not. */
export function unlimited(): QuotaLimitInput {
  return { kind: "unlimited" };
}
