import type { Decision, LimitStatus } from "../types.js";

/**
 * Header form of the limits. `draft-10`, `draft-7` and `draft-6` are versions of one IETF draft and share field names;
 * `legacy` is `X-RateLimit-*`. `draft-10` reports every rule, the other forms report the tightest one.
 */
export type HeaderForm = "draft-10" | "draft-7" | "draft-6" | "legacy";

/** Largest integer of a structured field. Source: RFC 9651, section 3.3.1. */
const MAX_INTEGER = 999_999_999_999_999;

export interface HeaderContext {
  /** Milliseconds since 1970, for `X-RateLimit-Reset`. */
  readonly nowMs: number;
  /** The name in the response of a rule. */
  readonly policyOf: (rule: string) => string;
}

/**
 * The headers for the response to a decided request. A denial that ends by waiting gets `Retry-After` too.
 * Rules in shadow are left out.
 * The limit that clients see is the burst, in the time in which it fills: what remains is never above it, and limit minus
 * remaining is what was used. The rate is that of the rule.
 */
export function rateLimitHeaders(
  decision: Decision,
  forms: readonly HeaderForm[],
  context: HeaderContext,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const form of forms) Object.assign(headers, FORMS[form](decision, context));
  return Object.assign(headers, retryAfter(decision));
}

const FORMS: Readonly<Record<HeaderForm, (decision: Decision, context: HeaderContext) => Record<string, string>>> = {
  "draft-10": draft10,
  "draft-7": draft7,
  "draft-6": draft6,
  legacy,
};

/**
 * Limit, window and remaining units of each rule.
 *
 * Source: draft-ietf-httpapi-ratelimit-headers-10.
 */
function draft10(decision: Decision, { policyOf }: HeaderContext): Record<string, string> {
  let policies = "";
  let states = "";
  // One pass without intermediate lists, because this runs for every request.
  for (const state of decision.limits) {
    if (state.shadow) continue;
    const separator = policies === "" ? "" : ", ";
    const name = quoted(policyOf(state.name));
    policies += separator + name + policyParameters(state);
    states += separator + name + stateParameters(state, decision);
  }
  return policies === "" ? {} : { "RateLimit-Policy": policies, RateLimit: states };
}

function policyParameters(state: LimitStatus): string {
  const quota = `;q=${integer(state.burst)}`;
  return state.algorithm === "concurrency" ? `${quota};qu="concurrent-requests"` : `${quota};w=${fillSeconds(state)}`;
}

/**
 * `t` is when the whole limit is available again; for a rule that refused, when it would admit the request. On a denial
 * the other rules have no `t`, so that a client that waits for every `t` waits for `Retry-After`, and no longer.
 */
function stateParameters(state: LimitStatus, decision: Decision): string {
  const remaining = `;r=${integer(state.remaining)}`;
  const isViolated = decision.violated.includes(state.name);
  if (state.algorithm === "concurrency" ? !isViolated : !decision.allowed && !isViolated) return remaining;
  return `${remaining};t=${resetSeconds(state, decision)}`;
}

/** Source: draft-ietf-httpapi-ratelimit-headers-07. */
function draft7(decision: Decision): Record<string, string> {
  const state = tightest(decision);
  if (state === undefined) return {};
  const { burst, remaining } = state;
  const reset = resetSeconds(state, decision);
  return {
    ...policy(state),
    RateLimit: `limit=${integer(burst)}, remaining=${integer(remaining)}, reset=${reset}`,
  };
}

/** Source: draft-ietf-httpapi-ratelimit-headers-06. */
function draft6(decision: Decision): Record<string, string> {
  const state = tightest(decision);
  if (state === undefined) return {};
  return {
    ...policy(state),
    "RateLimit-Limit": integer(state.burst),
    "RateLimit-Remaining": integer(state.remaining),
    "RateLimit-Reset": String(resetSeconds(state, decision)),
  };
}

/** As most services send it: the reset is a time in seconds since 1970. */
function legacy(decision: Decision, { nowMs }: HeaderContext): Record<string, string> {
  const state = tightest(decision);
  if (state === undefined) return {};
  return {
    "X-RateLimit-Limit": integer(state.burst),
    "X-RateLimit-Remaining": integer(state.remaining),
    "X-RateLimit-Reset": String(Math.ceil(nowMs / 1000) + resetSeconds(state, decision)),
  };
}

// These drafts can only express requests per window.
function policy(state: LimitStatus): Record<string, string> {
  if (state.algorithm === "concurrency") return {};
  return { "RateLimit-Policy": `${integer(state.burst)};w=${fillSeconds(state)}` };
}

/**
 * The rule for forms that report only one: the refusing rule with the longest wait, else the rule with the smallest
 * remaining share. `concurrency` rules come last, because a client cannot plan by them.
 */
function tightest({ limits, violated }: Decision): LimitStatus | undefined {
  const visible = limits.filter(({ shadow }) => !shadow);
  const refused = visible.filter(({ name }) => violated.includes(name));
  if (refused.length > 0) return leastBy(refused, ({ retryAfterMs }) => -retryAfterMs);
  const windows = visible.filter(({ algorithm }) => algorithm !== "concurrency");
  return leastBy(windows.length > 0 ? windows : visible, ({ remaining, burst }) => remaining / burst);
}

function leastBy(states: readonly LimitStatus[], measure: (state: LimitStatus) => number): LimitStatus | undefined {
  let least: LimitStatus | undefined;
  for (const state of states) if (least === undefined || measure(state) < measure(least)) least = state;
  return least;
}

function resetSeconds({ name, resetMs, retryAfterMs }: LimitStatus, { violated }: Decision): number {
  return seconds(violated.includes(name) && Number.isFinite(retryAfterMs) ? retryAfterMs : resetMs);
}

function retryAfter({ allowed, retryAfterMs }: Decision): Record<string, string> {
  // A cost above the burst is never admitted: a retry time would be wrong.
  if (allowed || !Number.isFinite(retryAfterMs)) return {};
  return { "Retry-After": String(Math.max(1, seconds(retryAfterMs))) };
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);

// The time in which a whole burst fills. Rounded up: too short a time would promise more than the rule admits.
const fillSeconds = ({ burst, limit, windowMs }: LimitStatus): number =>
  Math.max(1, seconds(burst === limit ? windowMs : (burst * windowMs) / limit));

const integer = (value: number): string => String(Math.min(value, MAX_INTEGER));

/** A structured field's string, which is printable ASCII. Source: RFC 9651, section 3.3.3. */
function quoted(value: string): string {
  if (UNESCAPED.test(value)) return `"${value}"`;
  return `"${value.replaceAll(/[^\u0020-\u007e]/g, "?").replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** Strings that need no escaping, such as the names of rules. */
const UNESCAPED = /^[\w.-]*$/;
