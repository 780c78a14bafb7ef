import type { QuotaLimitInput } from "./types.js";

/** Up to `limit` units, and not one more. 0 says that the plan does not include it. */
export function hard(limit: number): QuotaLimitInput {
  return { kind: "hard", limit };
}

/**
 * `limit` units are included, and more are admitted and reported.
 * @param options `overage`: the part of `limit` that may come on top, 0.1 for 10 %. Without it nothing is refused.
 */
export function soft(limit: number, options: { readonly overage?: number } = {}): QuotaLimitInput {
  return { kind: "soft", limit, ...options };
}

/** Nothing is refused, and nothing is counted. */
export function unlimited(): QuotaLimitInput {
  return { kind: "unlimited" };
}
