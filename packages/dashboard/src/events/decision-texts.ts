import type { TenantDecision } from "../types.js";
import { isObject, itemsOf, type Message, text } from "./message.js";

export type Decided = Omit<TenantDecision, "atMs" | "count">;

/** Deciders of rate limits, in words. */
const DECIDERS: Readonly<Record<string, string>> = {
  store: "the store of the limiter",
  lease: "units leased by this process",
  "denial-cache": "a recent refusal",
  local: "this process, without the store",
  policy: "the policy for a store that fails",
  unlimited: "the plan",
};

/** The decision of a rate limit. For an admitted request it names the rule with the least left. */
function limited({ decision }: Message): Decided | undefined {
  if (!isObject(decision) || typeof decision["allowed"] !== "boolean") return undefined;
  const { allowed } = decision;
  const limits = itemsOf(decision["limits"]).filter(isObject);
  const violated = itemsOf(decision["violated"]).map((rule) => (isObject(rule) ? text(rule["name"]) : text(rule)));
  const shown = allowed ? tightest(limits) : limits.find(({ name }) => name === violated[0]);
  const decider = text(decision["decidedBy"]);
  return {
    allowed,
    rule: allowed ? text(shown?.["name"], "no rule") : violated.join(", ") || "a rate limit",
    by: Object.hasOwn(DECIDERS, decider) ? (DECIDERS[decider] ?? decider) : decider,
    why: shown === undefined ? (allowed ? "nothing limits it" : "the limit is used up") : reason(shown, allowed),
  };
}

function tightest(limits: readonly Message[]): Message | undefined {
  return limits.toSorted((a, b) => leftPart(a) - leftPart(b))[0];
}

const number = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);
const leftPart = ({ remaining, burst }: Message): number => number(remaining) / Math.max(1, number(burst));

function reason(limit: Message, allowed: boolean): string {
  const { algorithm, remaining, retryAfterMs, windowMs, burst } = limit;
  const window = algorithm === "concurrency" ? "at once" : `in ${duration(number(windowMs))}`;
  const atOnce = number(burst) === number(limit["limit"]) ? "" : `, ${text(burst)} at once`;
  const rule = `${text(limit["limit"])} ${window}${atOnce}`;
  if (allowed) return `${text(remaining)} left (${rule})`;
  return `above ${rule}; again in ${duration(number(retryAfterMs))}`;
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)} ms`;
  return ms < 120_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 60_000)} min`;
}

/** Why a read runs on the primary. Reads on a replica, and writes, are nothing to explain. */
const ROUTES: Readonly<Record<string, string>> = {
  "recent-write": "no replica has the tenant's last write yet",
  "no-healthy-replica": "no replica serves",
  conflict: "the replica cancelled the read",
};

function routed({ node, reason: cause }: Message): Decided | undefined {
  const why = typeof cause === "string" && Object.hasOwn(ROUTES, cause) ? ROUTES[cause] : undefined;
  return why === undefined ? undefined : { allowed: true, rule: `read on ${text(node)}`, by: "the router", why };
}

/** Turns messages of one channel into decisions; `undefined` for those that are none. */
export const decisionsOf: Readonly<Record<string, (message: Message) => Decided | undefined>> = {
  "scale:rate-limit:request-decide": limited,
  "scale:shed:request-shed": ({ reason: cause }) => ({
    ...{ allowed: false, rule: "share of the process", by: "the shedder" },
    why: `the process is busy (${text(cause)})`,
  }),
  "scale:quota:use-refuse": ({ metric, used, limit }) => ({
    ...{ allowed: false, rule: `quota of ${text(metric)}`, by: "the quota" },
    why: `${text(used)} of ${text(limit)} used`,
  }),
  "scale:db-router:route-choose": routed,
  "scale:db-router:bulkhead-refuse": ({ reason: cause }) => ({
    ...{ allowed: false, rule: "connections of the tenant", by: "the router" },
    why: text(cause),
  }),
  "scale:breaker:call-refuse": ({ breaker, state }) => ({
    ...{ allowed: false, rule: `breaker ${text(breaker)}`, by: "the breaker" },
    why: `it is ${text(state)}`,
  }),
  "scale:breaker:fallback-use": ({ policy }) => ({
    ...{ allowed: true, rule: `fallback of ${text(policy)}`, by: "the policy" },
    why: "the call failed or was late",
  }),
};
