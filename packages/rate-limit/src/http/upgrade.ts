import type { Plan, Plans, RateLimitRule, Upgrade } from "@scale/core";
import type { Decision, LimitStatus } from "../types.js";

/** A larger plan that would have admitted more, and its limits in place of those that refused. */
export interface RateLimitUpgrade extends Upgrade {
  /**
   * One item per name in `violated`, without the rules that the larger plan does not have or that are unlimited there.
   * `windowMs` is absent for a `concurrency` rule.
   */
  readonly limits: readonly { readonly name: string; readonly limit: number; readonly windowMs?: number }[];
}

/**
 * The smallest larger plan that would have admitted more under every rule that refused.
 * @returns `undefined` when no rule refused, for the largest plan, and for a plan that is not one of `plans`
 */
export function upgradeFor(plans: Plans, decision: Decision): RateLimitUpgrade | undefined {
  const { allowed, plan, violated, limits, group } = decision;
  const refused = limits.filter(({ name }) => violated.includes(name));
  if (allowed || refused.length === 0) return undefined;
  const upgrade = plans.upgrade(plan, (larger) => {
    // A group that the larger plan lacks is not sold with it: requests of that group are refused there.
    if (larger.rateLimit === undefined || (group !== undefined && groupOf(larger, group) === undefined)) return false;
    return refused.every((state) => admitsMore(ruleOf(larger, state.name), state, decision.cost));
  });
  const to = upgrade && plans.find(upgrade.to);
  if (upgrade === undefined || to === undefined) return undefined;
  return { ...upgrade, limits: refused.flatMap(({ name }) => limitOf(ruleOf(to, name), name)) };
}

const groupOf = (plan: Plan, group: string): readonly RateLimitRule[] | undefined => {
  const groups = plan.rateLimit?.groups ?? {};
  return Object.hasOwn(groups, group) ? groups[group] : undefined;
};

/** `tenant` among the plan's own rules, `ai.tenant` in its group `ai`; neither name has a dot in it. */
function ruleOf(plan: Plan, name: string): RateLimitRule | undefined {
  const dot = name.indexOf(".");
  const rules = dot === -1 ? plan.rateLimit?.rules : groupOf(plan, name.slice(0, dot));
  return rules?.find((rule) => rule.name === name.slice(dot + 1) && !rule.shadow);
}

function admitsMore(rule: RateLimitRule | undefined, state: LimitStatus, cost: number): boolean {
  if (rule === undefined || rule.limit === Infinity) return true;
  const areSlots = rule.algorithm === "concurrency";
  if (areSlots !== (state.algorithm === "concurrency")) return false;
  if (areSlots) return rule.limit > state.limit;
  const faster = rule.limit / rule.windowMs - state.limit / state.windowMs;
  // A cost above the burst is never admitted. Then a larger burst at the same rate is an improvement.
  const isMore = state.retryAfterMs === Infinity ? faster >= 0 : faster > 0;
  return isMore && rule.burst >= Math.max(cost, 1);
}

function limitOf(rule: RateLimitRule | undefined, name: string): RateLimitUpgrade["limits"] {
  if (rule === undefined || rule.limit === Infinity) return [];
  const { limit, windowMs, algorithm } = rule;
  return [algorithm === "concurrency" ? { name, limit } : { name, limit, windowMs }];
}
