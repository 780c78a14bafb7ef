import type { HttpFacts } from "@scale/http";
import type { RateLimiter } from "../limiter.js";
import type { Decision, RateLimitSubject } from "../types.js";

/** The decision of one guard about a request. */
export interface GuardedDecision {
  readonly limiter: RateLimiter;
  readonly subject: RateLimitSubject;
  readonly decision: Decision;
  /** The name in the response of a rule of the decision. */
  readonly policyOf: (rule: string) => string;
}

const decided = new WeakMap<object, GuardedDecision[]>();
const NONE: readonly GuardedDecision[] = [];

/** The framework's own request object, which all guards of a request and its handler share. */
export const frameworkRequest = (facts: HttpFacts): object =>
  typeof facts.raw === "object" && facts.raw !== null ? facts.raw : facts;

/** The earlier decisions about a request, in their order. */
export const decisionsAbout = (request: object): readonly GuardedDecision[] => decided.get(request) ?? NONE;

export function logDecision(request: object, entry: GuardedDecision): void {
  const earlier = decided.get(request);
  if (earlier === undefined) decided.set(request, [entry]);
  else earlier.push(entry);
}

/**
 * Returns what the last guard decided about a request: its limits, and the decision for `limiter.refund`.
 * @param request request of the framework: of Express, a fetch `Request`, or the one of Nest's platform
 * @param limiter the limiter whose guard is meant, for a request with several
 * @returns `undefined` when no guard decided, such as for a request that it skipped
 */
export function decisionOf(request: object, limiter?: RateLimiter): Decision | undefined {
  return decisionsAbout(request).findLast((entry) => limiter === undefined || entry.limiter === limiter)?.decision;
}

const asItIs = (rule: string): string => rule;

/**
 * Names the rules of a decision in the response. A response names each policy once, so that a rule whose name another
 * limiter has used for this request gets its own limiter's name in front.
 * Source: draft-ietf-httpapi-ratelimit-headers-10, section 3.
 */
export function policyNames(earlier: readonly GuardedDecision[], limiter: RateLimiter): (rule: string) => string {
  // Most requests have one guard.
  if (earlier.length === 0) return asItIs;
  const others = earlier.filter((entry) => entry.limiter !== limiter);
  const taken = new Set(others.flatMap(({ decision, policyOf }) => decision.limits.map(({ name }) => policyOf(name))));
  return (rule) => {
    if (!taken.has(rule)) return rule;
    const qualified = `${limiter.name}:${rule}`;
    let unique = qualified;
    // Two limiters in different stores may have one name.
    for (let count = 2; taken.has(unique); count++) unique = `${qualified}:${count}`;
    return unique;
  };
}
