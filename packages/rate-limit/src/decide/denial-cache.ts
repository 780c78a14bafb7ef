import type { RateLimitRule } from "@scale/core";
import type { ParsedOptions } from "../options.js";
import type { Charge, ConsumeRequest, ConsumeResult, Decision, RuleStatus } from "../types.js";
import { ChargedDecision } from "./decision.js";
import { GenerationalMap } from "./generational-map.js";
import type { BoundRule, LimitRequest } from "./rules.js";

/** A recent refusal of the store. Times are milliseconds of the monotonic clock. */
interface Denial {
  readonly cost: number;
  readonly remaining: number;
  /** End of its validity here. */
  readonly until: number;
  readonly retryAt: number;
  readonly resetAt: number;
}

export interface DenialCache {
  /** A refusal that is still valid; `undefined` when the store must be asked. */
  find(request: LimitRequest): Decision | undefined;
  /** @param sentAt when the store was asked, which is before it decided */
  add(request: ConsumeRequest, result: ConsumeResult, sentAt: number): void;
  /** Drops the refusals of these charges, and refusals that are on their way. */
  invalidate(request: Pick<ConsumeRequest, "tenantId" | "charges">): void;
}

const MAX_PER_GENERATION = 10_000;

/**
 * Answers requests whose refusal is known: a refused cost does not fit before its retry time, and no larger cost does.
 * Only a refund or a reset changes that, and those of other processes take effect here after `denialCacheMs`. A change of
 * plan or limit takes effect at once, because it makes another rule.
 */
export function createDenialCache({ clock, denialCacheMs }: ParsedOptions): DenialCache {
  const denials = new GenerationalMap<Denial>(MAX_PER_GENERATION);
  let invalidatedAt = -Infinity;

  function statusOf({ tenantId, cost }: ConsumeRequest, charge: Charge): RuleStatus | undefined {
    const denial = isCacheable(charge.rule) ? denials.get(tenantId, charge) : undefined;
    return denial === undefined || cost < denial.cost
      ? undefined
      : statusFrom(denial, { rule: charge.rule, cost, now: clock.monotonic() });
  }

  return {
    find(request) {
      const { rules, consume } = request;
      if (consume.cost === 0) return undefined;
      let refusing: BoundRule[] | undefined;
      let statuses: RuleStatus[] = NONE;
      for (let i = 0; i < rules.length; i++) {
        const status = statusOf(consume, consume.charges[i] as Charge);
        if (status === undefined) continue;
        if (refusing === undefined) [refusing, statuses] = [[], []];
        refusing.push(rules[i] as BoundRule);
        statuses.push(status);
      }
      if (refusing === undefined) return undefined;
      const refused = { allowed: false, atMs: 0, statuses };
      return new ChargedDecision({ ...request, rules: refusing }, refused, "denial-cache");
    },
    add({ tenantId, cost, charges }, { statuses }, sentAt) {
      if (sentAt <= invalidatedAt) return;
      charges.forEach((charge, i) => {
        const { remaining, resetMs, retryAfterMs } = statuses[i] as RuleStatus;
        if (retryAfterMs === 0 || retryAfterMs === Infinity || !isCacheable(charge.rule)) return;
        const until = sentAt + Math.min(retryAfterMs, denialCacheMs);
        const times = { until, retryAt: sentAt + retryAfterMs, resetAt: sentAt + resetMs };
        denials.set(tenantId, charge, { cost, remaining, ...times });
      });
    },
    invalidate({ tenantId, charges }) {
      invalidatedAt = clock.monotonic();
      for (const charge of charges) denials.delete(tenantId, charge);
    },
  };
}

const NONE: RuleStatus[] = [];

function statusFrom(
  { cost: refusedCost, remaining, until, retryAt, resetAt }: Denial,
  { rule, cost, now }: { rule: RateLimitRule; cost: number; now: number },
): RuleStatus | undefined {
  if (now >= until) return undefined;
  const extraMs = extraWaitMs(rule, cost, refusedCost);
  if (extraMs === undefined) return undefined;
  return { remaining, resetMs: Math.ceil(resetAt - now), retryAfterMs: Math.ceil(retryAt - now + extraMs) };
}

/** A slot may become free at any moment, and a rule in shadow refuses nothing. */
const isCacheable = ({ algorithm, shadow }: RateLimitRule): boolean => algorithm !== "concurrency" && !shadow;

/** Milliseconds that a larger cost waits longer than the refused cost; `undefined` when only the store can know. */
function extraWaitMs(rule: RateLimitRule, cost: number, refusedCost: number): number | undefined {
  if (cost === refusedCost) return 0;
  const { algorithm, burst, limit, windowMs } = rule;
  return algorithm === "gcra" && cost <= burst ? ((cost - refusedCost) * windowMs) / limit : undefined;
}
