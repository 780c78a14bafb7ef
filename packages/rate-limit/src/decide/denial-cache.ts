import type { RateLimitRule } from "@scale/core";
import type { ParsedOptions } from "../options.js";
import type { Charge, ConsumeRequest, ConsumeResult, Decision, RuleStatus } from "../types.js";
import { ChargedDecision } from "./decision.js";
import { GenerationalMap } from "./generational-map.js";
import type { LimitRequest } from "./rules.js";

/** The status of one rule in a recent refusal of the store. Times are milliseconds of the monotonic clock. */
interface CachedStatus {
  /** False for a rule that did not refuse, or whose refusal may end at any moment: it is reported, and refuses nothing here. */
  readonly refuses: boolean;
  readonly cost: number;
  readonly status: RuleStatus;
  readonly sentAt: number;
  /** End of its validity here. */
  readonly until: number;
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
 * plan or limit takes effect at once, because it makes another rule. A repeated refusal reports every rule of the request,
 * those in shadow too; the store is asked when the status of one is not known.
 */
export function createDenialCache({ clock, denialCacheMs }: ParsedOptions): DenialCache {
  const cached = new GenerationalMap<CachedStatus>(MAX_PER_GENERATION);
  let invalidatedAt = -Infinity;

  /** True when the rule is known to refuse the cost. */
  function isRefused({ tenantId, cost }: ConsumeRequest, charge: Charge): boolean {
    const known = cached.get(tenantId, charge);
    return known?.refuses === true && statusNow(known, { charge, cost, now: clock.monotonic() }) !== undefined;
  }

  /** The statuses of all rules; `undefined` when one is not known. */
  function statusesOf({ tenantId, cost, charges }: ConsumeRequest): RuleStatus[] | undefined {
    const now = clock.monotonic();
    const statuses: RuleStatus[] = [];
    for (const charge of charges) {
      const known = cached.get(tenantId, charge);
      const status = known && statusNow(known, { charge, cost, now });
      if (status === undefined) return undefined;
      statuses.push(status);
    }
    return statuses;
  }

  return {
    find(request) {
      const { consume } = request;
      if (consume.cost === 0) return undefined;
      for (let i = 0; i < consume.charges.length; i++) {
        if (!isRefused(consume, consume.charges[i] as Charge)) continue;
        const statuses = statusesOf(consume);
        return statuses && new ChargedDecision(request, { allowed: false, atMs: 0, statuses }, "denial-cache");
      }
      return undefined;
    },
    add({ tenantId, cost, charges }, { statuses }, sentAt) {
      if (sentAt <= invalidatedAt) return;
      charges.forEach((charge, i) => {
        const status = statuses[i] as RuleStatus;
        const { retryAfterMs } = status;
        const refuses = retryAfterMs > 0 && retryAfterMs !== Infinity && isCacheable(charge.rule, status);
        const validMs = retryAfterMs > 0 ? Math.min(retryAfterMs, denialCacheMs) : denialCacheMs;
        cached.set(tenantId, charge, { refuses, cost, status, sentAt, until: sentAt + validMs });
      });
    },
    invalidate({ tenantId, charges }) {
      invalidatedAt = clock.monotonic();
      for (const charge of charges) cached.delete(tenantId, charge);
    },
  };
}

/** The status of a rule for a cost, with the time that has passed; `undefined` when only the store can know it. */
function statusNow(
  { refuses, cost: knownCost, status, sentAt, until }: CachedStatus,
  { charge, cost, now }: { charge: Charge; cost: number; now: number },
): RuleStatus | undefined {
  if (now >= until) return undefined;
  const extraMs =
    cost === knownCost ? 0 : refuses && cost > knownCost ? extraWaitMs(charge.rule, cost, knownCost) : undefined;
  if (extraMs === undefined) return undefined;
  const { retryAfterMs } = status;
  const passedMs = now - sentAt;
  return {
    ...status,
    resetMs: Math.max(0, Math.ceil(status.resetMs - passedMs)),
    retryAfterMs: retryAfterMs > 0 ? Math.ceil(retryAfterMs - passedMs + extraMs) : 0,
  };
}

/**
 * True for a rule whose refusal holds until its retry time. A slot may become free at any moment, a rule in shadow refuses
 * nothing, and a rule that blocks has to count further denials, until it does.
 */
const isCacheable = ({ algorithm, shadow, block }: RateLimitRule, { blocked }: RuleStatus): boolean =>
  algorithm !== "concurrency" && !shadow && (block === undefined || blocked === true);

/** Milliseconds that a larger cost waits longer than the refused cost; `undefined` when only the store can know. */
function extraWaitMs(
  { algorithm, burst, limit, windowMs, block }: RateLimitRule,
  cost: number,
  refusedCost: number,
): number | undefined {
  return algorithm === "gcra" && cost <= burst && block === undefined
    ? ((cost - refusedCost) * windowMs) / limit
    : undefined;
}
