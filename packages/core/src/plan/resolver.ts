import { z } from "zod";
import { type Clock, systemClock } from "../clock.js";
import { withDeadline } from "../deadline.js";
import { ConfigError, PlanError, isScaleError } from "../errors.js";
import { defineEvent, type EventChannel } from "../events.js";
import { parseOptions, show } from "../options.js";
import type { Plan, PlanOverrides, Plans } from "./types.js";

/** The plan of one tenant as the application knows it: a name or an alias, and what differs for this tenant. */
export type PlanAssignment = string | { readonly plan: string; readonly overrides?: PlanOverrides };

export interface PlanResolverOptions<Name extends string = string> {
  readonly plans: Plans<Name>;
  /** Asks the application for a tenant's plan. `undefined` means that there is no such tenant. */
  readonly lookup: (tenantId: string) => PlanAssignment | undefined | Promise<PlanAssignment | undefined>;
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
  /** Puts other plans in force for every tenant at once, without new lookups. */
  replace(plans: Plans<Name>): void;
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
  timeoutMs: z.number().min(1).max(60_000).default(250),
  maxTenants: z.int().min(1).max(10_000_000).default(10_000),
  clock: z.custom<Clock>().default(systemClock),
});

/** How long a failure is remembered: long enough that unknown tenants do not become a lookup per request. */
const FAILURE_TTL_MS = 1000;

interface KnownPlan<Name extends string> {
  is: "plan";
  assignment: PlanAssignment;
  plan: Plan<Name>;
  freshUntil: number;
  usableUntil: number;
}
type Known<Name extends string> = KnownPlan<Name> | { is: "failure"; error: unknown; freshUntil: number };

/** Knows every tenant's plan: asks once, remembers the answer, refreshes it in the background, and never guesses. */
export function createPlanResolver<Name extends string>(options: PlanResolverOptions<Name>): PlanResolver<Name> {
  const { lookup, fallback, ttlMs, staleMs, timeoutMs, maxTenants, clock } = parseOptions(
    optionsSchema,
    options,
    "createPlanResolver",
  );
  let plans = options.plans;
  checkFallback(plans, fallback);
  const known = new Map<string, Known<Name>>();
  const flights = new Map<string, Promise<Plan<Name>>>();

  function remember(tenantId: string, entry: Known<Name>): void {
    known.delete(tenantId);
    known.set(tenantId, entry);
    if (known.size <= maxTenants) return;
    for (const oldest of known.keys()) {
      known.delete(oldest);
      return;
    }
  }

  const planOf = (assignment: PlanAssignment): Plan<Name> =>
    typeof assignment === "string" ? plans.resolve(assignment) : plans.resolve(assignment.plan, assignment.overrides);

  async function ask(tenantId: string): Promise<Known<Name>> {
    const assignment = await withDeadline(Promise.resolve(lookup(tenantId)), timeoutMs, "the plan lookup");
    if (assignment === undefined) throw new PlanError(`tenant ${show(tenantId)} has no plan`, { status: 403 });
    const freshUntil = clock.monotonic() + ttlMs;
    return { is: "plan", assignment, plan: planOf(assignment), freshUntil, usableUntil: freshUntil + staleMs };
  }

  /** What is served instead of a plan that could not be had, or the failure itself. */
  function recover(tenantId: string, error: unknown): Known<Name> {
    const now = clock.monotonic();
    const old = known.get(tenantId);
    // A refusal by the application is an answer: only when there was none does the old one stand.
    if (old?.is === "plan" && old.usableUntil > now && !isScaleError(error, "SCALE_PLAN")) {
      planFallback.publish(() => ({ tenantId, used: "stale", error }));
      return { ...old, freshUntil: Math.min(now + FAILURE_TTL_MS, old.usableUntil) };
    }
    const failure = { is: "failure", error, freshUntil: now + FAILURE_TTL_MS } as const;
    if (fallback === undefined) return failure;
    planFallback.publish(() => ({ tenantId, used: "fallback", error }));
    const plan = plans.resolve(fallback);
    return { is: "plan", assignment: fallback, plan, freshUntil: failure.freshUntil, usableUntil: failure.freshUntil };
  }

  function fetch(tenantId: string): Promise<Plan<Name>> {
    const running = flights.get(tenantId);
    if (running !== undefined) return running;
    const flight: Promise<Plan<Name>> = Promise.resolve()
      .then(() => ask(tenantId))
      .catch((error: unknown) => recover(tenantId, error))
      .then((entry) => {
        // Not after an invalidation: this answer may be older than the change it announced.
        if (flights.get(tenantId) === flight) {
          flights.delete(tenantId);
          remember(tenantId, entry);
        }
        return settle(tenantId, entry);
      });
    flights.set(tenantId, flight);
    return flight;
  }

  function resolve(tenantId: string): Plan<Name> | Promise<Plan<Name>> {
    const entry = known.get(tenantId);
    if (entry === undefined) return fetch(tenantId);
    const now = clock.monotonic();
    if (entry.freshUntil > now)
      return entry.is === "plan" ? entry.plan : Promise.reject(asPlanError(tenantId, entry.error));
    if (entry.is === "failure" || entry.usableUntil <= now) return fetch(tenantId);
    // `recover` reports a refresh that fails; a refusal reaches the next caller.
    fetch(tenantId).catch(() => undefined);
    return entry.plan;
  }

  function replace(next: Plans<Name>): void {
    checkFallback(next, fallback);
    plans = next;
    for (const [tenantId, entry] of known) {
      if (entry.is === "failure") known.delete(tenantId);
      else known.set(tenantId, reassign(tenantId, entry));
    }
  }

  function reassign(tenantId: string, entry: KnownPlan<Name>): Known<Name> {
    try {
      return { ...entry, plan: planOf(entry.assignment) };
    } catch (error) {
      return recover(tenantId, error);
    }
  }

  return {
    get plans() {
      return plans;
    },
    resolve,
    replace,
    invalidate(tenantId) {
      if (tenantId === undefined) {
        known.clear();
        flights.clear();
      } else {
        known.delete(tenantId);
        flights.delete(tenantId);
      }
    },
  };
}

function settle<Name extends string>(tenantId: string, entry: Known<Name>): Plan<Name> {
  if (entry.is === "plan") return entry.plan;
  throw asPlanError(tenantId, entry.error);
}

function asPlanError(tenantId: string, error: unknown): unknown {
  if (isScaleError(error, "SCALE_PLAN")) return error;
  return new PlanError(`the plan of tenant ${show(tenantId)} could not be looked up`, { cause: error });
}

function checkFallback(plans: Plans, fallback: string | undefined): void {
  if (fallback !== undefined && plans.find(fallback) === undefined) {
    throw new ConfigError(
      `createPlanResolver: fallback: unknown plan ${show(fallback)}, known: ${plans.names.join(", ")}`,
    );
  }
}
