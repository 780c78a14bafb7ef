import type { Clock, RateLimitRule } from "@scale/core";
import { decisionOf } from "./decision.js";
import { createRecent } from "./generational-map.js";
import type { Asked, BoundRule } from "./rules.js";
import type { Charge, Decision, RuleStatus, ConsumeRequest, ConsumeResult } from "../types.js";

/** What the store refused a moment ago, and so would refuse again. */
interface Denial {
  readonly cost: number;
  readonly remaining: number;
  /** Milliseconds of the monotonic clock: until when it is believed, and what the store told. */
  readonly until: number;
  readonly retryAt: number;
  readonly resetAt: number;
}

export interface Denials {
  /** A refusal that is still true; `undefined` when the store must be asked. */
  find(asked: Asked): Decision | undefined;
  /** @param sentAt when the store was asked: it decided after that */
  note(take: ConsumeRequest, taken: ConsumeResult, sentAt: number): void;
  /** Makes the store be asked again about these. */
  forget(question: Pick<ConsumeRequest, "tenantId" | "charges">): void;
}

/** Of each generation of what is remembered. */
const MAX_DENIALS = 10_000;

/**
 * Spares the store questions whose answer is known: a refused cost does not fit before its retry time, and no larger one
 * does. Only who gives units back or resets a count changes that, which other processes learn of after `maxMs`. A
 * change of plan or limit is seen at once: it makes another rule.
 */
export function createDenials({ clock, maxMs }: { clock: Clock; maxMs: number }): Denials {
  const recent = createRecent<Denial>(MAX_DENIALS);
  let forgottenAt = -Infinity;

  /** Where a charge stands that is known to be refused. */
  function refusal({ tenantId, cost }: ConsumeRequest, charge: Charge): RuleStatus | undefined {
    if (!isKept(charge.rule)) return undefined;
    const denial = recent.get(tenantId, charge);
    if (denial === undefined || cost < denial.cost) return undefined;
    const now = clock.monotonic();
    if (now >= denial.until) return undefined;
    const more = waitOfMore(charge.rule, cost, denial.cost);
    if (more === undefined) return undefined;
    return {
      remaining: denial.remaining,
      resetMs: Math.ceil(denial.resetAt - now),
      retryAfterMs: Math.ceil(denial.retryAt - now + more),
    };
  }

  return {
    find(asked) {
      const { rules, take } = asked;
      if (take.cost === 0) return undefined;
      let refusing: BoundRule[] | undefined;
      let statuses: RuleStatus[] = NONE;
      for (let i = 0; i < rules.length; i++) {
        const standing = refusal(take, take.charges[i] as Charge);
        if (standing === undefined) continue;
        if (refusing === undefined) [refusing, statuses] = [[], []];
        refusing.push(rules[i] as BoundRule);
        statuses.push(standing);
      }
      if (refusing === undefined) return undefined;
      return decisionOf({ ...asked, rules: refusing }, { allowed: false, atMs: 0, statuses }, "denial-cache");
    },
    note({ tenantId, cost, charges }, { statuses }, sentAt) {
      if (sentAt <= forgottenAt) return;
      charges.forEach((charge, i) => {
        const { remaining, resetMs, retryAfterMs } = statuses[i] as RuleStatus;
        if (retryAfterMs === 0 || retryAfterMs === Infinity || !isKept(charge.rule)) return;
        const until = sentAt + Math.min(retryAfterMs, maxMs);
        const times = { until, retryAt: sentAt + retryAfterMs, resetAt: sentAt + resetMs };
        recent.set(tenantId, charge, { cost, remaining, ...times });
      });
    },
    forget({ tenantId, charges }) {
      forgottenAt = clock.monotonic();
      for (const charge of charges) recent.delete(tenantId, charge);
    },
  };
}

const NONE: RuleStatus[] = [];

/** A slot may be free any moment, and a rule in shadow refuses nothing. */
const isKept = ({ algorithm, shadow }: RateLimitRule): boolean => algorithm !== "concurrency" && !shadow;

/**
 * Milliseconds that a larger cost waits on top of what was told for a smaller one; `undefined` when only the store knows.
 */
function waitOfMore(
  { algorithm, burst, limit, windowMs }: RateLimitRule,
  cost: number,
  known: number,
): number | undefined {
  if (cost === known) return 0;
  return algorithm === "gcra" && cost <= burst ? ((cost - known) * windowMs) / limit : undefined;
}
