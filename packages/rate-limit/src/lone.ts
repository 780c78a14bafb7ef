import type { Plan } from "@scale/core";
import { MAX_ID_LENGTH } from "@scale/core/kit";
import { capacity, tolerance } from "./algorithms/counter.js";
import { standingOf, usPerUnit } from "./algorithms/gcra.js";
import { Decided } from "./decide/decision.js";
import { type BoundRule, countedBy, type RuleSet } from "./decide/rules.js";
import type { Table } from "./memory/counters.js";
import type { Decision, RateLimitSubject } from "./types.js";

/** Decides by the one rule of a plan; `undefined` where that is not all there is to it. */
export type Lone = (plan: Plan, subject: RateLimitSubject, cost: number) => Decision | undefined;

/** Decides for one tenant and subject. */
type Decide = (tenantId: string, subject: string, cost: number) => Decision;

/**
 * The short way over a table for plans with a single `gcra` rule, as most limits within a process are: what the general way
 * builds for a question takes longer than the decision.
 */
export function loneRules(table: Table, rulesOf: (plan: Plan) => RuleSet): Lone {
  const known = new WeakMap<Plan, Decide>();
  let lastPlan: Plan | undefined;
  let last: { readonly by: BoundRule["rule"]["by"]; readonly decide: Decide } | undefined;

  function prepare(plan: Plan): typeof last {
    const [bound, ...others] = rulesOf(plan).rules;
    const isLone = bound !== undefined && others.length === 0 && bound.rule.algorithm === "gcra" && !bound.rule.shadow;
    if (!isLone) return undefined;
    const decide = known.get(plan) ?? decider(table, bound, plan.name);
    known.set(plan, decide);
    return { by: bound.rule.by, decide };
  }

  return (plan, subject, cost) => {
    if (lastPlan !== plan) {
      last = prepare(plan);
      lastPlan = plan;
    }
    if (last === undefined) return undefined;
    const { tenantId } = subject;
    const counted = countedBy(last.by, subject);
    // Whatever is odd about the subject is told by the general way.
    return isId(tenantId) && isId(counted) ? last.decide(tenantId, counted, cost) : undefined;
  };
}

const isId = (id: string | undefined): id is string =>
  typeof id === "string" && id.length > 0 && id.length <= MAX_ID_LENGTH;

/**
 * `CountAccount` over `gcra`, to the same result, in one piece: every call and every object on this way would take as
 * long as the rest of it.
 */
function decider(table: Table, bound: BoundRule, plan: string): Decide {
  const { rule, name } = bound;
  const { limit, windowMs, burst, algorithm, shadow } = rule;
  const shard = table.shardOf(bound.scope);
  const { nowUs } = table;
  const full = capacity(burst);
  const rest = tolerance(burst);
  const perUnitUs = usPerUnit(rule);

  return (tenantId, subject, cost) => {
    const now = nowUs();
    const entry = shard.get(tenantId, subject);
    let used = 0;
    if (entry !== undefined) {
      const { state } = entry;
      used = Math.min(state[1] as number, burst) - Math.max(now - (state[0] as number), 0) / perUnitUs;
      if (!(used > 0)) used = 0;
    }
    const asked = cost > 0 ? cost : 1;
    const allowed = used + asked <= full;
    if (allowed && cost > 0) {
      used += cost;
      if (entry === undefined)
        shard.add({ tenantId, subject, now }, { rule, state: [now, used], slots: undefined, at: -1 });
      else {
        if (entry.rule !== rule) entry.rule = rule;
        entry.state[0] = now;
        entry.state[1] = used;
      }
    }
    const free = full - used;
    const remaining = free > 0 ? Math.floor(free) : 0;
    const resetMs = used > rest ? Math.ceil(Math.ceil((used - rest) * perUnitUs) / 1000) : 0;
    const retryAfterMs = allowed ? 0 : standingOf(rule, used, asked).retryAfterMs;
    const limits = [{ name, limit, windowMs, algorithm, shadow, remaining, resetMs, retryAfterMs }];
    const origin = { tenantId, subject, bound, atMs: now / 1000 };
    return new Decided(plan, undefined, cost, allowed, "store", limits, origin);
  };
}
