import type { Decision, LimitStatus } from "../types.js";
import type { RateLimitUpgrade } from "./upgrade.js";

/**
 * Explains a denial to a person: the limit that was reached, when to try again, and the plan that allows more.
 * `The limit of 500 requests per 15 minutes is reached. Try again in 30 seconds. The plan basic allows 2,000 per 15
 * minutes.`
 */
export function explain(decision: Decision, upgrade?: RateLimitUpgrade): string {
  const reached = decision.limits.filter(({ name }) => decision.violated.includes(name));
  // The rule with the longest wait: when it admits, all do.
  const state = reached.toSorted((a, b) => b.retryAfterMs - a.retryAfterMs)[0];
  const sentences = [
    state && reason(state, decision.cost),
    again(decision.retryAfterMs),
    state && more(state, upgrade),
  ];
  return sentences.filter((sentence) => sentence !== undefined).join(" ");
}

function reason(state: LimitStatus, cost: number): string {
  const { limit, retryAfterMs } = state;
  if (retryAfterMs === Infinity) {
    return `This request counts as ${count(cost)}, which is more than the limit of ${rate(state)} ever admits at once.`;
  }
  const requests = limit === 1 ? "request" : "requests";
  return `The limit of ${count(limit)} ${requests} ${span(state)} is reached.`;
}

function again(retryAfterMs: number): string | undefined {
  return Number.isFinite(retryAfterMs) ? `Try again in ${roundedUp(retryAfterMs)}.` : undefined;
}

function more({ name }: LimitStatus, upgrade: RateLimitUpgrade | undefined): string | undefined {
  if (upgrade === undefined) return undefined;
  const limit = upgrade.limits.find((each) => each.name === name);
  return limit === undefined
    ? `The plan ${upgrade.to} has no such limit.`
    : `The plan ${upgrade.to} allows ${rate(limit)}.`;
}

const rate = (limit: { limit: number; windowMs?: number; algorithm?: string }): string =>
  `${count(limit.limit)} ${span(limit)}`;

function span({ windowMs, algorithm }: { windowMs?: number; algorithm?: string }): string {
  return windowMs === undefined || algorithm === "concurrency" ? "at the same time" : `per ${exact(windowMs)}`;
}

const SECOND = ["second", 1000] as const;
const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000], SECOND, ["millisecond", 1]] as const;

/** In the largest unit that divides it; one unit reads `minute`. */
function exact(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms % size === 0) ?? (["millisecond", 1] as const);
  return ms === size ? unit : amount(ms / size, unit);
}

/** In the largest unit that fits twice: 90 seconds, 2 hours. Rounded up, and at least a second. */
function roundedUp(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => size >= 1000 && ms >= 2 * size) ?? SECOND;
  return amount(Math.max(1, Math.ceil(ms / size)), unit);
}

const amount = (number: number, unit: string): string => `${count(number)} ${unit}${number === 1 ? "" : "s"}`;

// The same on all machines, and without locale formatters, which would be expensive in a flood of denials.
const count = (number: number): string => String(number).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
