import { z } from "zod";
import { type Clock, systemClock } from "../clock.js";
import { clockOption, functionOption, timeoutOption } from "../option-fragments.js";
import { parseOptions } from "../options.js";
import { type Answers, createAnswers } from "./answers.js";
import { type CurrentPlans, createCurrentPlans } from "./current-plans.js";
import { asPlanError, createPlanLookup } from "./lookup.js";
import type { Plan, PlanAssignment, Plans } from "./types.js";

type MaybeAssignment<Found extends string> = PlanAssignment<Found> | undefined | null;

/** Refuses a lookup that returns literals which are not names of plans. Other strings are checked when they are returned. */
type KnownNames<Name extends string, Found extends string> = string extends Found
  ? unknown
  : [Found] extends [Name]
    ? unknown
    : { readonly lookup: (tenantId: string) => PlanAssignment<Name> };

export interface PlanResolverOptions<
  Name extends string = string,
  Group extends string = string,
  Alias extends string = string,
  Found extends string = string,
> {
  readonly plans: Plans<Name, Group, Alias>;
  /**
   * Function that returns a tenant's plan. `undefined` and `null` mean that the application has no such tenant. It runs as
   * work of that tenant, outside of the request that asked: other requests share the answer.
   */
  readonly lookup: (tenantId: string) => MaybeAssignment<Found> | Promise<MaybeAssignment<Found>>;
  /**
   * Plan of a tenant that has none or an unknown one, and of a tenant whose lookup failed with no earlier answer left.
   * Each use is published as `scale:core:plan-fallback`. Without it `resolve` rejects with `SCALE_PLAN`.
   */
  readonly fallback?: Name;
  /**
   * Milliseconds for which an answer is used without a new lookup. After that it is used while a new one is fetched.
   * @default 30_000
   */
  readonly ttlMs?: number;
  /**
   * Milliseconds after `ttlMs` for which an answer is still used while no lookup succeeds.
   * @default 300_000
   */
  readonly staleMs?: number;
  /**
   * Deadline of one lookup, in milliseconds. An answer that comes later is dropped.
   * @default 250
   */
  readonly timeoutMs?: number;
  /**
   * Maximum number of lookups that run at the same time, at most one for each tenant; further ones wait within their
   * deadline. A lookup counts until its promise settles, for 5 seconds at most, also when its caller has given up: made-up
   * tenants and a database that hangs cannot fill the connections.
   * @default 32
   */
  readonly maxLookups?: number;
  /**
   * Maximum number of tenants kept in memory; the least recently used is evicted first.
   * @default 10_000
   */
  readonly maxTenants?: number;
  readonly clock?: Clock;
}

export interface PlanResolver<Name extends string = string, Group extends string = string> {
  /** The plans in force. */
  readonly plans: Plans<Name, Group>;
  /**
   * Returns the plan of a tenant at once when it is in memory, and a promise when it has to be looked up.
   * Concurrent callers share one lookup.
   * @throws {PlanError} when the lookup fails and there is no `fallback`
   */
  resolve(tenantId: string): Plan<Name> | Promise<Plan<Name>>;
  /**
   * Evicts one tenant's plan, or all: call it when a subscription changes. The answer of a lookup that is running is not
   * stored.
   */
  invalidate(tenantId?: string): void;
  /**
   * Puts other plans in force for every tenant at once, without new lookups.
   * @throws {ConfigError} and changes nothing, for plans that lack one in force or that a `check` refuses
   */
  replace(plans: Plans<Name, Group>): void;
  /**
   * Runs `test` on the plans in force, and on those of every later `replace` before they are. It throws to refuse.
   * @returns a function that removes the test
   */
  check(test: (plans: Plans<Name, Group>) => void): () => void;
}

const optionsSchema = z.strictObject({
  plans: z.custom<Plans>(
    (value) => typeof value === "object" && value !== null && "resolve" in value,
    "expected plans from definePlans",
  ),
  lookup: functionOption<PlanResolverOptions["lookup"]>(),
  fallback: z.string().optional(),
  ttlMs: z.number().min(0).max(86_400_000).default(30_000),
  staleMs: z.number().min(0).max(86_400_000).default(300_000),
  timeoutMs: timeoutOption(250),
  maxLookups: z.int().min(1).max(10_000).default(32),
  maxTenants: z.int().min(1).max(10_000_000).default(10_000),
  clock: clockOption.default(systemClock),
});

/** Resolves tenants to plans: one shared lookup per tenant, a bounded memory, refresh in the background, never a guess. */
export function createPlanResolver<
  Name extends string,
  Group extends string,
  Alias extends string,
  const Found extends string = string,
>(
  options: PlanResolverOptions<Name, Group, Alias, Found> & KnownNames<NoInfer<Name | Alias>, Found>,
): PlanResolver<Name, Group> {
  const { maxTenants, ...parsed } = parseOptions(optionsSchema, options, "createPlanResolver");
  const { clock } = parsed;
  const current = createCurrentPlans(options.plans, options.fallback);
  const answers = createAnswers<Name>(maxTenants);
  const { known, failed } = answers;
  const lookup = createPlanLookup({ ...parsed, current, answers });
  return {
    get plans() {
      return current.plans;
    },
    check: current.check,
    resolve(tenantId) {
      const now = clock.monotonic();
      const entry = known.get(tenantId);
      if (entry === undefined) {
        const failure = failed.get(tenantId);
        if (failure === undefined || failure.freshUntil <= now) return lookup.fetch(tenantId);
        return failure.plan ?? Promise.reject(asPlanError(tenantId, failure.error));
      }
      if (entry.freshUntil > now) return entry.plan;
      if (entry.usableUntil <= now) return lookup.fetch(tenantId);
      // The lookup publishes a refresh that fails; a PlanError reaches the next caller.
      lookup.fetch(tenantId).catch(() => undefined);
      return entry.plan;
    },
    replace(next) {
      current.replace(next);
      failed.clear();
      applyPlans(answers, current);
    },
    invalidate(tenantId) {
      lookup.detach(tenantId);
      for (const table of [known, failed]) {
        if (tenantId === undefined) table.clear();
        else table.delete(tenantId);
      }
    },
  };
}

/** Gives every known tenant the plan of its name among the plans that are in force now. */
function applyPlans<Name extends string>({ known }: Answers<Name>, current: CurrentPlans<Name>): void {
  // From the least recently used on, so that the order of eviction stays.
  for (const tenantId of [...known.rkeys()]) {
    const entry = known.peek(tenantId);
    if (entry === undefined) continue;
    try {
      known.set(tenantId, { ...entry, plan: current.planOf(entry.assignment) });
    } catch {
      // Its overrides do not fit the new plan. The next request looks it up again and gets the error.
      known.delete(tenantId);
    }
  }
}
