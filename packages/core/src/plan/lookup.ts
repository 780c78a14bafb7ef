import type { Clock } from "../clock.js";
import { createDeadline } from "../deadline.js";
import { describeValue } from "../describe-value.js";
import { isScaleError, PlanError } from "../errors.js";
import { inRootContext } from "../root-context.js";
import { startThenable } from "../start-thenable.js";
import { tenancy } from "../tenancy.js";
import type { Answers, KnownPlan } from "./answers.js";
import type { CurrentPlans } from "./current-plans.js";
import { planFallback } from "./events.js";
import { LookupSlots } from "./lookup-slots.js";
import type { Plan, PlanAssignment } from "./types.js";

export interface PlanLookupOptions<Name extends string> {
  readonly lookup: (tenantId: string) => unknown;
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly timeoutMs: number;
  readonly maxLookups: number;
  readonly clock: Clock;
  readonly current: CurrentPlans<Name>;
  readonly answers: Answers<Name>;
}

export interface PlanLookup<Name extends string> {
  /** Looks a tenant up, or joins the lookup that is running. */
  fetch(tenantId: string): Promise<Plan<Name>>;
  /** Detaches running lookups: their callers get the answer, and it is not stored. */
  detach(tenantId: string | undefined): void;
}

/** Milliseconds for which a failure is kept: long enough that an unknown tenant does not become a lookup per request. */
const FAILURE_TTL_MS = 1000;

/** Single-flight lookups of the application's plans. */
export function createPlanLookup<Name extends string>(options: PlanLookupOptions<Name>): PlanLookup<Name> {
  const { known, failed } = options.answers;
  const slots = new LookupSlots({ ...options, max: options.maxLookups });
  const ask = createAsk(options, slots);
  const recover = createRecovery(options);
  const flights = new Map<string, Promise<Plan<Name>>>();

  async function load(tenantId: string): Promise<Plan<Name>> {
    const flight = flights.get(tenantId);
    // False after an invalidation: this answer may be older than the change that was announced.
    const isCurrent = (): boolean => flights.get(tenantId) === flight;
    try {
      const entry = await ask(tenantId);
      if (!isCurrent()) return entry.plan;
      failed.delete(tenantId);
      known.set(tenantId, entry);
      return entry.plan;
    } catch (error) {
      if (!isCurrent()) throw asPlanError(tenantId, error);
      return recover(tenantId, error);
    } finally {
      if (isCurrent()) flights.delete(tenantId);
    }
  }

  return {
    fetch(tenantId) {
      const running = flights.get(tenantId);
      if (running !== undefined) return running;
      // Shared by requests, and a refresh outlives the one that started it: it must not run in that one's context.
      const flight = inRootContext(() => Promise.resolve().then(() => load(tenantId)));
      flights.set(tenantId, flight);
      return flight;
    },
    detach(tenantId) {
      slots.detach(tenantId);
      if (tenantId === undefined) flights.clear();
      else flights.delete(tenantId);
    },
  };
}

/** Calls the application within the deadline and checks its answer. */
function createAsk<Name extends string>(
  options: PlanLookupOptions<Name>,
  slots: LookupSlots,
): (tenantId: string) => Promise<KnownPlan<Name>> {
  const { lookup, ttlMs, staleMs, timeoutMs, clock, current } = options;
  const inTime = createDeadline(timeoutMs);
  return async (tenantId) => {
    const lookUp = (): unknown => tenancy.run({ tenantId }, () => startThenable(lookup(tenantId)));
    const answer = await inTime(slots.run(tenantId, lookUp), "the plan lookup");
    if (answer === undefined || answer === null) {
      throw new PlanError(`tenant ${describeValue(tenantId)} has no plan`, { status: 403 });
    }
    if (!isAssignment(answer)) {
      throw new PlanError(`the plan lookup: expected a name or { plan, overrides }, got ${describeValue(answer)}`);
    }
    const freshUntil = clock.monotonic() + ttlMs;
    return { assignment: answer, plan: current.planOf(answer), freshUntil, usableUntil: freshUntil + staleMs };
  };
}

/** Serves a stale answer or the fallback after a failed lookup, and throws when there is neither. */
function createRecovery<Name extends string>({
  clock,
  current,
  answers: { known, failed },
}: PlanLookupOptions<Name>): (tenantId: string, error: unknown) => Plan<Name> {
  return (tenantId, error) => {
    const now = clock.monotonic();
    const stale = known.get(tenantId);
    // A PlanError is an answer, such as "no such tenant", so that no stale plan may stand in for it.
    if (stale !== undefined && stale.usableUntil > now && !isScaleError(error, "SCALE_PLAN")) {
      planFallback.publish(() => ({ tenantId, used: "stale", error }));
      known.set(tenantId, { ...stale, freshUntil: Math.min(now + FAILURE_TTL_MS, stale.usableUntil) });
      return stale.plan;
    }
    known.delete(tenantId);
    const plan = current.fallback();
    if (plan !== undefined) planFallback.publish(() => ({ tenantId, used: "fallback", error }));
    failed.set(tenantId, { plan, error, freshUntil: now + FAILURE_TTL_MS });
    if (plan !== undefined) return plan;
    throw asPlanError(tenantId, error);
  };
}

function isAssignment(answer: unknown): answer is PlanAssignment {
  if (typeof answer === "string") return true;
  return typeof answer === "object" && answer !== null && "plan" in answer && typeof answer.plan === "string";
}

export function asPlanError(tenantId: string, error: unknown): unknown {
  if (isScaleError(error, "SCALE_PLAN")) return error;
  return new PlanError(`the plan of tenant ${describeValue(tenantId)} could not be looked up`, { cause: error });
}
