import { createDeadline, parseTenantId, type Plan, show, StoreError, type TenantContext } from "@scale/core";
import { requestDecide, storeFail } from "./events.js";
import { localShare } from "./local.js";
import { parseLimiterOptions, type ParsedOptions, type RateLimiterOptions } from "./options.js";
import { type BoundRule, chargesFor, limitStates, ruleSets } from "./rules.js";
import type { Decision, Take, Taken } from "./types.js";

export interface CheckOptions {
  /**
   * Whole units. 0 charges nothing and tells whether one unit would be admitted.
   * @default 1
   */
  readonly cost?: number;
  /** Adds the rules of this group of the plan. */
  readonly group?: string;
  /**
   * Decides by the rules of `group` alone: for a request that the plan's own rules have admitted already.
   * @default false
   */
  readonly groupOnly?: boolean;
}

export interface RateLimiter {
  readonly name: string;
  /**
   * Decides every rule of the tenant's plan that applies to the subject, all or none: a denial charges nothing.
   * One question to the store.
   * @throws {TenantError} for a tenant id that cannot be one
   * @throws {PlanError} when the plan is unknown, or has no rule that applies
   * @throws {StoreError} when the store cannot answer and `whenStoreFails` is `throw`; `cause` says why
   * @throws {TypeError} for a cost that is not a whole number of 0 or more
   */
  check(subject: TenantContext, options?: CheckOptions): Promise<Decision>;
}

/** A question to the store, with what is needed to tell its answer. */
interface Asked {
  readonly plan: string;
  readonly rules: readonly BoundRule[];
  readonly take: Take;
}

/** Limits what the tenants of a product may do, by the rules of their plans. */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const parsed = parseLimiterOptions(options);
  const { name, plans } = parsed;
  const rulesOf = ruleSets(name);
  const ask = asker(parsed);

  async function check(
    subject: TenantContext,
    { cost = 1, group, groupOnly = false }: CheckOptions = {},
  ): Promise<Decision> {
    if (!Number.isSafeInteger(cost) || cost < 0) {
      throw new TypeError(`check: cost: expected a whole number of 0 or more, got ${show(cost)}`);
    }
    const tenantId = parseTenantId(subject.tenantId);
    const found = plans.resolve(tenantId);
    const plan: Plan = found instanceof Promise ? await found : found;
    const { rules, charges } = chargesFor(rulesOf(plan, { group, groupOnly }), subject);
    const decision = await ask({ plan: plan.name, rules, take: { tenantId, cost, charges } });
    requestDecide.publish(() => ({ limiter: name, tenantId, group, decision }));
    return decision;
  }

  return { name, check };
}

/** Asks the store within its deadline, and decides by the chosen policy when it cannot answer. */
function asker({ name, store, timeoutMs, whenStoreFails, instances, onStoreError }: ParsedOptions) {
  const inTime = createDeadline(timeoutMs);
  const local = whenStoreFails === "local" ? localShare(instances) : undefined;

  /** What the callback does, throwing included, is not the request's affair. */
  async function report(error: unknown): Promise<void> {
    try {
      await onStoreError?.(error);
    } catch (failure) {
      process.emitWarning(failure instanceof Error ? failure : new Error(show(failure)));
    }
  }

  async function fromStore(take: Take): Promise<Taken> {
    const answer = store.take(take);
    if (!(answer instanceof Promise)) return answer;
    // A store that says "at once" and gives a promise has no deadline of its own.
    return store.settlesWithinMs ? answer : inTime(answer, "the rate limit store");
  }

  return async ({ plan, rules, take }: Asked): Promise<Decision> => {
    try {
      const taken = checkTaken(await fromStore(take), take);
      if (taken.allowed && take.cost > 0) local?.record(take);
      return decided({ plan, rules, take }, { taken, by: "store" });
    } catch (error) {
      void report(error);
      storeFail.publish(() => ({ limiter: name, tenantId: take.tenantId, error }));
      if (local !== undefined) return decided({ plan, rules, take }, { taken: local.take(take), by: "local" });
      if (whenStoreFails === "throw") throw new StoreError("the rate limit store could not answer", { cause: error });
      return byPolicy({ plan, take, allowed: whenStoreFails === "allow" });
    }
  };
}

/** What a store answers decides who gets in: anything but a decision is a failure of the store. */
function checkTaken(taken: Taken, { charges }: Take): Taken {
  const { allowed, standings } = taken;
  const isSound =
    typeof allowed === "boolean" &&
    standings.length === charges.length &&
    standings.every(({ remaining, resetMs, retryAfterMs }) => remaining >= 0 && resetMs >= 0 && retryAfterMs >= 0);
  if (isSound) return taken;
  throw new StoreError(`the store answered ${show(taken)} to a question with ${charges.length} charges`);
}

function decided({ plan, rules, take }: Asked, { taken, by }: { taken: Taken; by: "store" | "local" }): Decision {
  const limits = limitStates(rules, taken);
  const refused = taken.allowed ? [] : limits.filter(({ retryAfterMs }) => retryAfterMs > 0);
  return {
    allowed: taken.allowed,
    decidedBy: by,
    plan,
    cost: take.cost,
    limits,
    violated: refused.map((limit) => limit.name),
    retryAfterMs: refused.reduce((longest, { retryAfterMs }) => Math.max(longest, retryAfterMs), 0),
  };
}

/** What a denial by policy asks the client to wait: the store may be back then, and nobody knows when. */
const POLICY_RETRY_MS = 1000;

function byPolicy({ plan, take, allowed }: { plan: string; take: Take; allowed: boolean }): Decision {
  return {
    allowed,
    decidedBy: "policy",
    plan,
    cost: take.cost,
    limits: [],
    violated: [],
    retryAfterMs: allowed ? 0 : POLICY_RETRY_MS,
  };
}
