import { ConfigError, type Plan, type Plans } from "@scale/core";
import { parseTenantId, describeValue } from "@scale/core/kit";
import { createAsker } from "./decide/decider.js";
import { Decided } from "./decide/decision.js";
import { newSlotId } from "./decide/slot-renewal.js";
import { loneRules } from "./lone.js";
import { tableOf } from "./memory/store.js";
import { parseLimiterOptions, type RateLimiterOptions } from "./options.js";
import { type Asked, questionOf, ruleSets } from "./decide/rules.js";
import type { Decision, RateLimitSubject, Slot } from "./types.js";
import { noteLimiter } from "./setup-warnings.js";

/** Which rules of the tenant's plan. */
export interface RuleOptions {
  /** Adds the rules of this group of the plan. */
  readonly group?: string;
  /**
   * Takes the rules of `group` alone: for a request that the plan's own rules have admitted already.
   * @default false
   */
  readonly groupOnly?: boolean;
}

export interface CheckOptions extends RuleOptions {
  /**
   * Whole units. 0 charges nothing and tells whether one unit would be admitted.
   * @default 1
   */
  readonly cost?: number;
}

export interface RateLimiter {
  readonly name: string;
  /** The plans in force; `undefined` for a limiter with the same rules for all. */
  readonly plans: Plans | undefined;
  /**
   * Decides every rule of the tenant's plan that applies to the subject, all or none: a denial charges nothing.
   * Rules over what runs at the same time are left out: `acquire` decides those too. At most one question to the store.
   * @throws {TenantError} for a tenant, user or address that cannot be one
   * @throws {PlanError} when the plan is unknown, or has no rule that applies
   * @throws {StoreError} when the store cannot answer and `whenStoreFails` is `throw`; `cause` says why
   * @throws {TypeError} for a cost that is not a whole number of 0 or more
   */
  check(subject: RateLimitSubject, options?: CheckOptions): Promise<Decision>;
  /**
   * Decides as `check`, without a promise: for a store that answers at once, such as `memoryStore`.
   * @returns `undefined` when the tenant's plan must be looked up first, which `check` does
   * @throws {ConfigError} for a store that does not answer at once
   */
  checkNow(subject: RateLimitSubject, options?: CheckOptions): Decision | undefined;
  /** Tells where the rules stand and whether one unit would be admitted, and charges nothing. Throws what `check` does. */
  peek(subject: RateLimitSubject, options?: RuleOptions): Promise<Decision>;
  /**
   * Decides as `check`, and takes a slot of every `concurrency` rule with it, or none.
   * @returns a slot to release when the work is done, which `await using` does; a denial when `allowed` is false
   */
  acquire(subject: RateLimitSubject, options?: CheckOptions): Promise<Slot>;
  /**
   * Gives back what a decision charged, as far as it still counts: for work that did not happen, or cost less.
   * @param units what is given back; all that is left of the charge by default
   * @throws {TypeError} for a decision that is not of a limiter, and for more units than are left of its charge
   * @throws {StoreError} when the store cannot answer
   */
  refund(decision: Decision, units?: number): Promise<void>;
  /**
   * Forgets the counts of a subject under the rules that apply to it, slots included.
   * @throws {StoreError} when the store cannot answer
   */
  reset(subject: RateLimitSubject, options?: RuleOptions): Promise<void>;
  /** Stops renewing slots: what is held is free again when its time is over. The store stays open: it is yours. */
  close(): void;
}

const NO_OPTIONS: CheckOptions = {};
const OWN_RULES = { group: undefined, groupOnly: false };

/** Limits what the tenants of a product may do, by the rules of their plans. */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const parsed = parseLimiterOptions(options);
  const { name, plans } = parsed;
  const rulesOf = ruleSets(name);
  const asker = createAsker(parsed);
  const table = tableOf(parsed.store);
  const lone = table && loneRules(table, (plan) => rulesOf(plan, OWN_RULES));
  const forget = noteLimiter(parsed.store, name);

  function planOf({ tenantId }: RateLimitSubject): Plan | Promise<Plan> {
    return parsed.samePlan !== undefined && tenantId === undefined
      ? parsed.samePlan
      : parsed.resolve(parseTenantId(tenantId));
  }

  /** What to ask of the store. Without a promise where the plan is known, which is nearly always. */
  function asked(subject: RateLimitSubject, options: CheckOptions, slot?: string): Asked | Promise<Asked> {
    const { cost = 1, group, groupOnly = false } = options;
    if (!Number.isSafeInteger(cost) || cost < 0) {
      throw new TypeError(`check: cost: expected a whole number of 0 or more, got ${describeValue(cost)}`);
    }
    const request = { subject, cost, slot };
    const selection = group === undefined ? OWN_RULES : { group, groupOnly };
    const plan = planOf(subject);
    if (!(plan instanceof Promise)) return questionOf(rulesOf(plan, selection), request);
    return plan.then((found) => questionOf(rulesOf(found, selection), request));
  }

  /** The decision of a plan with one plain rule; `undefined` for all else, mistakes included. */
  function shortWay(subject: RateLimitSubject, { cost = 1, group }: CheckOptions): Decision | undefined {
    if (lone === undefined || group !== undefined || !Number.isSafeInteger(cost) || cost < 0) return undefined;
    const plan = planOf(subject);
    if (plan instanceof Promise) return void plan.catch(() => undefined);
    const decision = lone(plan, subject, cost);
    if (decision !== undefined) asker.tell(subject.tenantId ?? "", decision);
    return decision;
  }

  /** One promise at the most is made on the way. What is thrown for a wrong subject or cost rejects. */
  function decide(subject: RateLimitSubject, options: CheckOptions, slot?: string): Promise<Decision> {
    try {
      const question = asked(subject, options, slot);
      const decision = question instanceof Promise ? question.then(asker.decide) : asker.decide(question);
      return decision instanceof Promise ? decision : Promise.resolve(decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async function acquire(subject: RateLimitSubject, options: CheckOptions = {}): Promise<Slot> {
    if (options.cost === 0) throw new TypeError("acquire: cost: expected a whole number of 1 or more, got 0");
    const question = await asked(subject, options, newSlotId());
    return asker.hold(question, await asker.decide(question));
  }

  async function refund(decision: Decision, amount?: number): Promise<void> {
    if (decision.decidedBy === "policy") return;
    if (!Decided.is(decision) || decision.limiter !== name) {
      throw new TypeError(
        `refund: expected a decision of limiter ${describeValue(name)}, got ${describeValue(decision)}`,
      );
    }
    const units = amount ?? decision.left;
    if (!Number.isSafeInteger(units) || units < 0 || units > decision.left) {
      throw new TypeError(`refund: units: expected a whole number up to ${decision.left}, got ${describeValue(units)}`);
    }
    if (units === 0) return;
    const give = decision.takeBack(units);
    try {
      await asker.give(give, decision.decidedBy);
    } catch (error) {
      decision.putBack(units);
      throw error;
    }
  }

  return {
    name,
    get plans() {
      return plans?.plans;
    },
    check: (subject, options = NO_OPTIONS) => decide(subject, options),
    peek: (subject, options = {}) => decide(subject, { ...options, cost: 0 }, ""),
    checkNow(subject, options = NO_OPTIONS) {
      if (parsed.store.settlesWithinMs !== 0) {
        throw new ConfigError(`checkNow: the store of limiter ${describeValue(name)} does not answer at once`);
      }
      const short = shortWay(subject, options);
      if (short !== undefined) return short;
      const question = asked(subject, options);
      // A store that gives a promise in spite of what it says is left to its own devices.
      const decision: Decision | Promise<unknown> = question instanceof Promise ? question : asker.decide(question);
      if (!(decision instanceof Promise)) return decision;
      decision.catch(() => undefined);
      return undefined;
    },
    acquire,
    refund,
    async reset(subject, options = {}) {
      const { take } = await asked(subject, options, "");
      await asker.reset(take);
    },
    close() {
      asker.close();
      parsed.endChecks();
      forget();
    },
  };
}
