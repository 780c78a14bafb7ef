import type { Plan, Plans } from "@scale/core";
import { describeValue, parseTenantId } from "@scale/core/kit";
import { refundDecision, settleDecision } from "./decide/correct.js";
import { createDecider, type Decider } from "./decide/decider.js";
import { ChargedDecision } from "./decide/decision.js";
import { type LimitRequest, requestOf, ruleSets } from "./decide/rules.js";
import { newSlotId } from "./decide/slot-renewal.js";
import { createInternals, INTERNALS, type LimiterInternals } from "./internals.js";
import { type ParsedOptions, parseLimiterOptions, type RateLimiterOptions } from "./options.js";
import { registerLimiterName } from "./setup-warnings.js";
import type { CountedSubject } from "./subject.js";
import type { Charge, CheckOptions, Decision, RateLimitSubject, RuleOptions, Slot } from "./types.js";

/** @typeParam Group names of the groups of the plans; `never` for a limiter without plans */
export interface RateLimiter<Group extends string = string> {
  readonly name: string;
  /** The plans in force; `undefined` for a limiter with the same rules for every tenant. */
  readonly plans: Plans<string, Group> | undefined;
  /**
   * Charges every rule of the tenant's plan that applies to the subject, or none: a denial charges nothing. `concurrency`
   * rules are left out; `acquire` decides those too. Calls the store at most once.
   *
   * An answer that comes after the deadline is taken back in the background when the request was refused: the units are
   * refunded. They stay charged when the failure policy admitted the request, because it ran.
   * @throws {TenantError} for an invalid tenant, user or address
   * @throws {InputError} for an invalid key
   * @throws {SubjectError} for a subject without an id that a rule counts, if `whenSubjectMissing` of the rule says `deny`
   * @throws {PlanError} when the plan is unknown, or has no rule that applies
   * @throws {StoreError} when the store cannot answer and `whenStoreFails` is `throw`; `cause` is the store's error
   * @throws {TypeError} for a cost that is not an integer >= 0
   */
  check(subject: RateLimitSubject, options?: CheckOptions<Group>): Promise<Decision>;
  /**
   * Reports the status of the rules that count an id of the subject, and whether one unit would be admitted by them. Charges
   * nothing. Throws as `check` does, but not for ids that are missing. A late answer changes nothing.
   */
  peek(subject: RateLimitSubject, options?: RuleOptions<Group>): Promise<Decision>;
  /**
   * Decides as `check`, and takes a slot of every `concurrency` rule as well, or none. A slot that the store takes after the
   * deadline is released in the background when the request was refused, and with the returned slot when it was admitted.
   * @returns a slot to release when the work is done, which `await using` does; a denial when `allowed` is false
   */
  acquire(subject: RateLimitSubject, options?: CheckOptions<Group>): Promise<Slot>;
  /**
   * Returns units that a decision charged, as far as they still count: for work that did not happen, or cost less.
   * A refund that failed can be tried again with the same units, or without: it is applied once, also when the store carried
   * it out after the deadline.
   * @param units default: all units of the charge that were not refunded yet
   * @throws {TypeError} for a decision of another limiter, and for more units than are left of its charge
   * @throws {StoreError} when the store cannot answer
   */
  refund(decision: Decision, units?: number): Promise<void>;
  /**
   * Corrects the cost of a decision to what the work cost after all, such as the tokens of an answer: refunds the difference,
   * or charges it beyond the limits, so that later requests wait longer. May be called again with more units, and tried again
   * after a failure: each difference is applied once, also when the store carried it out after the deadline. Does nothing for
   * a decision that the store did not count.
   * @param units what the work cost in total
   * @throws {TypeError} for a decision of another limiter, and for fewer units than earlier calls charged on top
   * @throws {StoreError} when the store cannot answer
   */
  settle(decision: Decision, units: number): Promise<void>;
  /**
   * Deletes the counts of a subject under the rules that apply to it, held slots and blocks included. One that is carried
   * out after its deadline deletes what is counted by then.
   * @throws {StoreError} when the store cannot answer
   */
  reset(subject: RateLimitSubject, options?: RuleOptions<Group>): Promise<void>;
  /** Stops renewing slots: held slots expire when their ttl is over. The store stays open, because the application owns it. */
  close(): void;
}

const NO_OPTIONS: CheckOptions = {};

/** Limits the requests of a product's tenants by the rules of their plans. */
export function createRateLimiter<Group extends string = never>(
  options: RateLimiterOptions<Group>,
): RateLimiter<Group> {
  // The type of the groups is that of the plans in the options.
  return createLimiter(options) as RateLimiter<Group>;
}

/** @param allowSharedName true for limiters that share their counts, and their name, on purpose */
export function createLimiter(options: RateLimiterOptions, allowSharedName = false): RateLimiter {
  const parsed = parseLimiterOptions(options);
  const { name, plans } = parsed;
  const internals = createInternals(parsed.ipv6Prefix);
  const buildRequest = createRequestBuilder(parsed, internals);
  const decider = createDecider(parsed, (held) => {
    for (const listener of internals.slotListeners) listener(held);
  });
  const unregisterName = registerLimiterName(parsed.store, name, allowSharedName);

  /** Decides with at most one promise of its own. An invalid subject or cost rejects. */
  function decide(subject: RateLimitSubject, options: CheckOptions, how?: RequestMode): Promise<Decision> {
    try {
      const request = buildRequest(subject, options, how);
      const decision = request instanceof Promise ? request.then(decider.decide) : decider.decide(request);
      return decision instanceof Promise ? decision : Promise.resolve(decision);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  const acquire = createAcquire(buildRequest, decider);
  const limiter: RateLimiter & { readonly [INTERNALS]: LimiterInternals } = {
    name,
    [INTERNALS]: internals,
    get plans() {
      return plans?.plans;
    },
    check: (subject, options = NO_OPTIONS) => decide(subject, options),
    peek: (subject, options = {}) => decide(subject, { ...options, cost: 0 }, PARTIAL),
    acquire: (subject, options = NO_OPTIONS) => acquire(subject, options),
    refund: (decision, units) => refundDecision(decision, units, { name, decider }),
    settle: (decision, units) => settleDecision(decision, units, { name, decider }),
    async reset(subject, options = NO_OPTIONS) {
      const { consume } = await buildRequest(subject, options, PARTIAL);
      await decider.reset(consume);
    },
    close() {
      decider.close();
      parsed.endPlanChecks();
      unregisterName();
    },
  };
  return limiter;
}

/** `acquire` of a limiter, with at most one promise of its own. */
function createAcquire(buildRequest: ReturnType<typeof createRequestBuilder>, decider: Decider) {
  /** Holds a request whose decision is at hand without a promise of its own. */
  function hold(request: LimitRequest): Slot | Promise<Slot> {
    const decision = decider.decide(request);
    if (!(decision instanceof Promise)) return decider.hold(request, decision);
    return decision.then((decided) => decider.hold(request, decided));
  }

  return (subject: RateLimitSubject, options: CheckOptions): Promise<Slot> => {
    try {
      if (options.cost === 0) throw new TypeError("acquire: cost: expected an integer >= 1, got 0");
      const request = buildRequest(subject, options, { slot: newSlotId() });
      const slot = request instanceof Promise ? request.then(hold) : hold(request);
      return slot instanceof Promise ? slot : Promise.resolve(slot);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** How the rules of a request are chosen. */
interface RequestMode {
  /** Present when `concurrency` rules are decided too. */
  readonly slot?: string;
  /** True to leave out the rules whose subject is missing. */
  readonly isPartial?: boolean;
}

const CHECK: RequestMode = {};
const PARTIAL: RequestMode = { slot: "", isPartial: true };

/** Builds requests to the store. Without a promise when the plan is known, which is nearly always. */
function createRequestBuilder({ name, samePlan, resolve }: ParsedOptions, { normalize }: LimiterInternals) {
  const rulesOf = ruleSets(name);

  function planOf({ tenantId }: CountedSubject): Plan | Promise<Plan> {
    return samePlan !== undefined && tenantId === undefined ? samePlan : resolve(parseTenantId(tenantId));
  }

  return (
    given: RateLimitSubject,
    options: CheckOptions,
    { slot, isPartial = false }: RequestMode = CHECK,
  ): LimitRequest | Promise<LimitRequest> => {
    const { cost = 1, charged } = options;
    if (!Number.isSafeInteger(cost) || cost < 0) {
      throw new TypeError(`check: cost: expected an integer >= 0, got ${describeValue(cost)}`);
    }
    const subject = normalize(given);
    const parts = { subject, cost, slot, isPartial, isCharged: charged && chargedBy(charged) };
    const plan = planOf(subject);
    if (!(plan instanceof Promise)) return requestOf(rulesOf(plan, options), parts);
    return plan.then((found) => requestOf(rulesOf(found, options), parts));
  };
}

const chargedBy =
  (decisions: readonly Decision[]) =>
  (tenantId: string, charge: Charge): boolean =>
    decisions.some((decision) => ChargedDecision.is(decision) && decision.hasCharged(tenantId, charge));
