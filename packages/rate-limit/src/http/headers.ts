import type { Decision, LimitStatus } from "../types.js";

/**
 * How the limits are told. `draft-10`, `draft-7` and `draft-6` are forms of one standard in the making and share field
 * names; `legacy` is `X-RateLimit-*`. Only `draft-10` knows more than one rule: the others tell the tightest.
 */
export type HeaderForm = "draft-10" | "draft-7" | "draft-6" | "legacy";

/** Largest integer of a structured field. Source: RFC 9651, section 3.3.1. */
const MAX_INTEGER = 999_999_999_999_999;

/**
 * The headers of an answer to a request that was decided, and `Retry-After` on a denial that waiting helps against.
 * Rules in shadow are not told.
 * @param nowMs the time, milliseconds since 1970; `X-RateLimit-Reset` is told in it
 */
export function rateLimitHeaders(
  decision: Decision,
  forms: readonly HeaderForm[],
  nowMs: number,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const form of forms) Object.assign(headers, FORMS[form](decision, nowMs));
  return Object.assign(headers, retryAfter(decision));
}

const FORMS: Readonly<Record<HeaderForm, (decision: Decision, nowMs: number) => Record<string, string>>> = {
  "draft-10": draft10,
  "draft-7": draft7,
  "draft-6": draft6,
  legacy,
};

/**
 * Each rule's limit and window, and what is left of it.
 *
 * Source: draft-ietf-httpapi-ratelimit-headers-10.
 */
function draft10(decision: Decision): Record<string, string> {
  let policies = "";
  let states = "";
  // One pass without lists between: this runs for every request.
  for (const state of decision.limits) {
    if (state.shadow) continue;
    const separator = policies === "" ? "" : ", ";
    policies += separator + policyItem(state);
    states += separator + stateItem(state, decision);
  }
  return policies === "" ? {} : { "RateLimit-Policy": policies, RateLimit: states };
}

function policyItem({ name, limit, windowMs, algorithm }: LimitStatus): string {
  const item = `${text(name)};q=${integer(limit)}`;
  return algorithm === "concurrency" ? `${item};qu="concurrent-requests"` : `${item};w=${windowSeconds(windowMs)}`;
}

/**
 * `t` is when the whole limit is there again; for a rule that refused, when it would admit the request. On a denial the
 * others have none: a client that waits for `Retry-After`, as it must, waits for every `t`.
 */
function stateItem(state: LimitStatus, decision: Decision): string {
  const item = `${text(state.name)};r=${integer(state.remaining)}`;
  const isViolated = decision.violated.includes(state.name);
  if (state.algorithm === "concurrency" ? !isViolated : !decision.allowed && !isViolated) return item;
  return `${item};t=${resetSeconds(state, decision)}`;
}

/** Source: draft-ietf-httpapi-ratelimit-headers-07. */
function draft7(decision: Decision): Record<string, string> {
  const state = tightest(decision);
  if (state === undefined) return {};
  const { limit, remaining } = state;
  const reset = resetSeconds(state, decision);
  return {
    ...policy(state),
    RateLimit: `limit=${integer(limit)}, remaining=${integer(remaining)}, reset=${reset}`,
  };
}

/** Source: draft-ietf-httpapi-ratelimit-headers-06. */
function draft6(decision: Decision): Record<string, string> {
  const state = tightest(decision);
  if (state === undefined) return {};
  return {
    ...policy(state),
    "RateLimit-Limit": integer(state.limit),
    "RateLimit-Remaining": integer(state.remaining),
    "RateLimit-Reset": String(resetSeconds(state, decision)),
  };
}

/** As most services send them that do: the reset is a time, seconds since 1970. */
function legacy(decision: Decision, nowMs: number): Record<string, string> {
  const state = tightest(decision);
  if (state === undefined) return {};
  return {
    "X-RateLimit-Limit": integer(state.limit),
    "X-RateLimit-Remaining": integer(state.remaining),
    "X-RateLimit-Reset": String(Math.ceil(nowMs / 1000) + resetSeconds(state, decision)),
  };
}

// These drafts have no unit but requests in a window.
function policy({ limit, windowMs, algorithm }: LimitStatus): Record<string, string> {
  return algorithm === "concurrency" ? {} : { "RateLimit-Policy": `${integer(limit)};w=${windowSeconds(windowMs)}` };
}

/**
 * The rule that the forms tell which know one: of those that refused the one to wait longest for, else the one with the
 * least part left. Slots are told when nothing else is: a client cannot plan by them.
 */
function tightest({ limits, violated }: Decision): LimitStatus | undefined {
  const told = limits.filter(({ shadow }) => !shadow);
  const refused = told.filter(({ name }) => violated.includes(name));
  if (refused.length > 0) return leastBy(refused, ({ retryAfterMs }) => -retryAfterMs);
  const windows = told.filter(({ algorithm }) => algorithm !== "concurrency");
  return leastBy(windows.length > 0 ? windows : told, ({ remaining, limit }) => remaining / limit);
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
  // A cost above the burst is never admitted: a time to try again would be a lie.
  if (allowed || !Number.isFinite(retryAfterMs)) return {};
  return { "Retry-After": String(Math.max(1, seconds(retryAfterMs))) };
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);

// Rounded up: a window that is told too short would promise more than the rule gives.
const windowSeconds = (ms: number): number => Math.max(1, seconds(ms));

const integer = (value: number): string => String(Math.min(value, MAX_INTEGER));

/** A structured field's string, which is printable ASCII. Source: RFC 9651, section 3.3.3. */
function text(value: string): string {
  if (PLAIN.test(value)) return `"${value}"`;
  return `"${value.replaceAll(/[^\u0020-\u007e]/g, "?").replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

/** What stands in a string as it is; the names of rules do. */
const PLAIN = /^[\w.-]*$/;
