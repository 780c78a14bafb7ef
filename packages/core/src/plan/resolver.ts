import { z } from "zod";
import { boundedMap } from "../bounded-map.js";
import { type Clock, systemClock } from "../clock.js";
import { createDeadline } from "../deadline.js";
import { ConfigError, PlanError, isScaleError } from "../errors.js";
import { defineEvent, type EventChannel } from "../events.js";
import { describeValue } from "../describe-value.js";
import { clockOption, timeoutOption } from "../option-fragments.js";
import { parseOptions } from "../options.js";
import type { Plan, PlanOverrides, Plans } from "./types.js";

/** The plan of one tenant as the application knows it: a name or an alias, and what differs for this tenant. */
export type PlanAssignment = string | { readonly plan: string; readonly overrides?: PlanOverrides };

type MaybeAssignment = PlanAssignment | undefined | null;

export interface PlanResolverOptions<Name extends string = string> {
  readonly plans: Plans<Name>;
  /** Asks the application for a tenant's plan. `undefined` and `null` mean that there is no such tenant. */
  readonly lookup: (tenantId: string) => MaybeAssignment | Promise<MaybeAssignment>;
  /**
   * The plan of a tenant that has none or an unknown one, and of one whose lookup failed with no earlier answer left.
   * Each use is published as `scale:core:plan-fallback`. Without it `resolve` rejects with `SCALE_PLAN`.
   */
  readonly fallback?: Name;
  /**
   * Milliseconds for which an answer is used without asking again. Later ones are used while a new one is fetched.
   * @default 30_000
   */
  readonly ttlMs?: number;
  /**
   * Milliseconds after `ttlMs` for which an answer is still used when a new one cannot be had.
   * @default 300_000
   */
  readonly staleMs?: number;
  /**
   * Milliseconds that a lookup may take.
   * @default 250
   */
  readonly timeoutMs?: number;
  /**
   * Tenants that are remembered; the longest known is forgotten first.
   * @default 10_000
   */
  readonly maxTenants?: number;
  readonly clock?: Clock;
}

export interface PlanResolver<Name extends string = string> {
  /** The plans in force. */
  readonly plans: Plans<Name>;
  /**
   * The plan of a tenant: at once when it is known, a promise when it must be asked for.
   * Concurrent callers share one lookup.
   * @throws {PlanError} when it cannot be known and there is no `fallback`
   */
  resolve(tenantId: string): Plan<Name> | Promise<Plan<Name>>;
  /** Forgets one tenant's plan, or all: call it when a subscription changes. A lookup under way is not remembered. */
  invalidate(tenantId?: string): void;
  /**
   * Puts other plans in force for every tenant at once, without new lookups.
   * @throws {ConfigError} and leaves all as it was, for plans that lack one in force or that a `check` refuses
   */
  replace(plans: Plans<Name>): void;
  /**
   * Runs `test` on the plans in force, and on those of every later `replace` before they are. It throws to refuse.
   * @returns a function that ends it
   */
  check(test: (plans: Plans<Name>) => void): () => void;
}

export interface PlanFallback {
  readonly tenantId: string;
  readonly used: "stale" | "fallback";
  readonly error: unknown;
}

/** Published when a tenant is served by an old answer or by the fallback plan. */
export const planFallback: EventChannel<PlanFallback> = defineEvent("scale:core:plan-fallback");

const optionsSchema = z.strictObject({
  plans: z.custom<Plans>(
    (value) => typeof value === "object" && value !== null && "resolve" in value,
    "expected plans from definePlans",
  ),
  lookup: z.custom<PlanResolverOptions["lookup"]>((value) => typeof value === "function", "expected a function"),
  fallback: z.string().optional(),
  ttlMs: z.number().min(0).max(86_400_000).default(30_000),
  staleMs: z.number().min(0).max(86_400_000).default(300_000),
  timeoutMs: timeoutOption(250),
  maxTenants: z.int().min(1).max(10_000_000).default(10_000),
  clock: clockOption.default(systemClock),
});

/** How long a failure is remembered: long enough that unknown tenants do not become a lookup per request. */
const FAILURE_TTL_MS = 1000;

/** What the application said of a tenant. */
interface Known<Name extends string> {
  readonly assignment: PlanAssignment;
  readonly plan: Plan<Name>;
  readonly freshUntil: number;
  readonly usableUntil: number;
}

/** What stands in for a plan that could not be had: the fallback, or the error. */
interface Failed<Name extends string> {
  readonly plan: Plan<Name> | undefined;
  readonly error: unknown;
  readonly freshUntil: number;
}

/** Knows every tenant's plan: asks once, remembers the answer, refreshes it in the background, and never guesses. */
export function createPlanResolver<Name extends string>(options: PlanResolverOptions<Name>): PlanResolver<Name> {
  const parsed = parseOptions(optionsSchema, options, "createPlanResolver");
  const { lookup, fallback, ttlMs, staleMs, timeoutMs, maxTenants, clock } = parsed;
  let plans = options.plans;
  checkFallback(plans, fallback);
  const inTime = createDeadline(timeoutMs);
  const checks = new Set<(plans: Plans<Name>) => void>();
  const known = boundedMap<Known<Name>>(maxTenants);
  // Apart from what is known: whoever makes up tenants must not push out the plans of real ones.
  const failed = boundedMap<Failed<Name>>(maxTenants);
  const flights = new Map<string, Promise<Plan<Name>>>();

  const planOf = (assignment: PlanAssignment): Plan<Name> =>
    typeof assignment === "string" ? plans.resolve(assignment) : plans.resolve(assignment.plan, assignment.overrides);

  async function ask(tenantId: string): Promise<Known<Name>> {
    const answer: unknown = await inTime(Promise.resolve(lookup(tenantId)), "the plan lookup");
    if (answer === undefined || answer === null) {
      throw new PlanError(`tenant ${describeValue(tenantId)} has no plan`, { status: 403 });
    }
    if (!isAssignment(answer)) {
      throw new PlanError(`the plan lookup: expected a name or { plan, overrides }, got ${describeValue(answer)}`);
    }
    const freshUntil = clock.monotonic() + ttlMs;
    return { assignment: answer, plan: planOf(answer), freshUntil, usableUntil: freshUntil + staleMs };
  }

  function succeed(tenantId: string, entry: Known<Name>): Plan<Name> {
    failed.delete(tenantId);
    known.set(tenantId, entry);
    return entry.plan;
  }

  /** Serves an earlier answer or the fallback, and fails when there is neither. */
  function recover(tenantId: string, error: unknown): Plan<Name> {
    const now = clock.monotonic();
    const old = known.get(tenantId);
    // A refusal by the application is an answer: only when there was none does the old one stand.
    if (old !== undefined && old.usableUntil > now && !isScaleError(error, "SCALE_PLAN")) {
      planFallback.publish(() => ({ tenantId, used: "stale", error }));
      return succeed(tenantId, { ...old, freshUntil: Math.min(now + FAILURE_TTL_MS, old.usableUntil) });
    }
    known.delete(tenantId);
    const plan = fallback === undefined ? undefined : plans.resolve(fallback);
    if (plan !== undefined) planFallback.publish(() => ({ tenantId, used: "fallback", error }));
    const entry = { plan, error, freshUntil: now + FAILURE_TTL_MS };
    failed.set(tenantId, entry);
    return planOrThrow(tenantId, entry);
  }

  async function look(tenantId: string): Promise<Plan<Name>> {
    const flight = flights.get(tenantId);
    // Not after an invalidation: this answer may be older than the change it announced.
    const isCurrent = (): boolean => flights.get(tenantId) === flight;
    try {
      const entry = await ask(tenantId);
      return isCurrent() ? succeed(tenantId, entry) : entry.plan;
    } catch (error) {
      if (!isCurrent()) throw asPlanError(tenantId, error);
      return recover(tenantId, error);
    } finally {
      if (isCurrent()) flights.delete(tenantId);
    }
  }

  function fetch(tenantId: string): Promise<Plan<Name>> {
    const running = flights.get(tenantId);
    if (running !== undefined) return running;
    const flight = Promise.resolve().then(() => look(tenantId));
    flights.set(tenantId, flight);
    return flight;
  }

  function resolve(tenantId: string): Plan<Name> | Promise<Plan<Name>> {
    const now = clock.monotonic();
    const entry = known.get(tenantId);
    if (entry === undefined) {
      const failure = failed.get(tenantId);
      if (failure === undefined || failure.freshUntil <= now) return fetch(tenantId);
      return failure.plan ?? Promise.reject(asPlanError(tenantId, failure.error));
    }
    if (entry.freshUntil > now) return entry.plan;
    if (entry.usableUntil <= now) return fetch(tenantId);
    // `recover` reports a refresh that fails; a refusal reaches the next caller.
    fetch(tenantId).catch(() => undefined);
    return entry.plan;
  }

  function replace(next: Plans<Name>): void {
    checkFallback(next, fallback);
    checkNames(plans, next);
    for (const check of checks) check(next);
    plans = next;
    failed.clear();
    for (const [tenantId, { assignment, ...entry }] of [...known]) {
      try {
        known.set(tenantId, { ...entry, assignment, plan: planOf(assignment) });
      } catch {
        // Its overrides do not fit the new plan: the next request asks again, and gets the error.
        known.delete(tenantId);
      }
    }
  }

  return {
    get plans() {
      return plans;
    },
    check(test) {
      test(plans);
      // Of its own, so that a test that was given twice is ended once.
      const check = (next: Plans<Name>): void => test(next);
      checks.add(check);
      return () => {
        checks.delete(check);
      };
    },
    resolve,
    replace,
    invalidate(tenantId) {
      for (const table of [known, failed, flights]) {
        if (tenantId === undefined) table.clear();
        else table.delete(tenantId);
      }
    },
  };
}

function isAssignment(answer: unknown): answer is PlanAssignment {
  if (typeof answer === "string") return true;
  return typeof answer === "object" && answer !== null && "plan" in answer && typeof answer.plan === "string";
}

function planOrThrow<Name extends string>(tenantId: string, { plan, error }: Failed<Name>): Plan<Name> {
  if (plan !== undefined) return plan;
  throw asPlanError(tenantId, error);
}

function asPlanError(tenantId: string, error: unknown): unknown {
  if (isScaleError(error, "SCALE_PLAN")) return error;
  return new PlanError(`the plan of tenant ${describeValue(tenantId)} could not be looked up`, { cause: error });
}

/** A plan that tenants may be on must not vanish under them. */
function checkNames(plans: Plans, next: Plans): void {
  const lost = plans.names.filter((name) => next.find(name) === undefined);
  if (lost.length === 0) return;
  throw new ConfigError(`replace: expected the plans in force and their aliases, missing: ${lost.join(", ")}`);
}

function checkFallback(plans: Plans, fallback: string | undefined): void {
  if (fallback !== undefined && plans.find(fallback) === undefined) {
    throw new ConfigError(
      `createPlanResolver: fallback: unknown plan ${describeValue(fallback)}, known: ${plans.names.join(", ")}`,
    );
  }
}
