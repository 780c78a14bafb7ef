import { ConfigError, type Plan, type PlanResolver, type Plans } from "@scale/core";
import type { HttpFacts, HttpGuard, Verdict } from "@scale/http";
import { serializeReply, factsFromFetch, problemFromError } from "@scale/http/adapter";
import { type RateLimitGuardOptions, rateLimitGuard } from "../http/guard.js";
import { slotOf } from "../decide/slot-renewal.js";
import { createRateLimiter, type RateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";
import type { RateLimiterOptions } from "../options.js";
import type { RateLimitSubject, Slot } from "../types.js";
import { sharingName } from "../setup-warnings.js";

/** The options of a limiter, with plans to choose from in place of what knows the tenants' plans. */
export interface EnforceLimits extends Omit<RateLimiterOptions, "plans" | "rules"> {
  readonly plans: Plans;
}

export interface EnforceOptions extends Omit<RateLimitGuardOptions, "subject"> {
  /** The client's address: `clientIp({ trust })`. Without it rules that count addresses do not apply. */
  readonly ip?: (facts: HttpFacts) => string | undefined;
}

export interface Enforced {
  readonly allowed: boolean;
  /** What to answer; absent when the request is allowed. */
  readonly response: Response | undefined;
  /** The limits, for the response to an allowed request. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Decides one request in the middle of a route handler.
 * @param tier the name of the plan, or an alias of it, whose rules hold for this request
 * @throws {PlanError} for a tier that is not a plan: an unknown tier is not an unlimited one
 */
// oxlint-disable-next-line max-params -- the shape that applications call
export type EnforceRateLimit = (
  request: Request,
  tenantId: string,
  userId: string | undefined,
  tier: string,
) => Promise<Enforced>;

/**
 * `enforceRateLimit(request, tenantId, userId, tier)`, for moving over routes that are written that way. The tier that
 * the caller names holds, whatever else is known of the tenant, and all tiers share their counts: one that is raised
 * does not start anew. Rules over what runs at the same time are not decided: nothing tells when the response is over.
 * `rateLimit` of this entry does all of it, around the handler.
 * @throws {ConfigError} that names the wrong option
 */
export function createEnforce(limits: EnforceLimits, options: EnforceOptions = {}): EnforceRateLimit {
  const { ip, ...guardOptions } = options;
  const { plans, store = memoryStore(), ...limiterOptions } = limits;
  const subjects = new WeakMap<HttpFacts, RateLimitSubject>();
  const subject = (facts: HttpFacts): RateLimitSubject => subjects.get(facts) ?? {};
  const guardOf = (name: string): HttpGuard => {
    const limiter = createRateLimiter({ ...limiterOptions, store, plans: always(plans, plans.resolve(name)) });
    return rateLimitGuard(withoutSlots(limiter), { ...guardOptions, subject });
  };
  const [first = "", ...others] = plans.names;
  const guards = new Map([[first, guardOf(first)]]);
  // The limiters of the tiers are one to whoever counts: they share their name, and mean to.
  sharingName(() => others.forEach((name) => guards.set(name, guardOf(name))));

  // oxlint-disable-next-line max-params -- as above
  return async (request, tenantId, userId, tier) => {
    const guard = guards.get(plans.resolve(tier).name);
    const facts = factsFromFetch(request);
    const address = ip?.(facts);
    subjects.set(facts, {
      tenantId,
      ...(userId !== undefined && { userId }),
      ...(address !== undefined && { ip: address }),
    });
    return enforced(await verdictOf(guard as HttpGuard, facts));
  };
}

async function verdictOf(guard: HttpGuard, facts: HttpFacts): Promise<Verdict> {
  try {
    return await guard(facts);
  } catch (error) {
    const reply = problemFromError(error);
    if (reply === undefined) throw error;
    return { reply };
  }
}

function enforced({ reply, headers = {}, onEnd }: Verdict): Enforced {
  onEnd?.();
  if (reply === undefined) return { allowed: true, response: undefined, headers };
  const { status, headers: all, text } = serializeReply(reply, headers);
  return { allowed: false, response: new Response(text ?? null, { status, headers: all }), headers: all };
}

/** A limiter that leaves out the rules over what runs at the same time. */
function withoutSlots(limiter: RateLimiter): RateLimiter {
  const acquire = async (...args: Parameters<RateLimiter["acquire"]>): Promise<Slot> => {
    const decision = await limiter.check(...args);
    return slotOf(decision, new AbortController().signal, async () => undefined);
  };
  return { ...limiter, acquire };
}

/** A resolver that knows one answer. */
function always(plans: Plans, plan: Plan): PlanResolver {
  return {
    plans,
    resolve: () => plan,
    invalidate: () => undefined,
    check(test) {
      test(plans);
      return () => undefined;
    },
    replace() {
      throw new ConfigError("createEnforce: its plans cannot be replaced");
    },
  };
}
