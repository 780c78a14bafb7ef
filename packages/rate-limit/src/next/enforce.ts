import { ConfigError, type Plan, type PlanResolver, type Plans } from "@scale/core";
import { checkedCallback, describeValue, optionalStringResult } from "@scale/core/kit";
import type { HttpFacts, HttpGuard, Verdict } from "@scale/http";
import { factsFromFetch, problemFromError, serializeReply } from "@scale/http/adapter";
import { slotOf } from "../decide/slot-renewal.js";
import { type RateLimitGuardOptions, rateLimitGuard } from "../http/guard.js";
import { createLimiter, type RateLimiter } from "../limiter.js";
import { memoryStore } from "../memory/store.js";
import type { RateLimiterOptions } from "../options.js";
import type { RateLimitSubject, Slot } from "../types.js";

export interface EnforceOptions<Group extends string = string>
  extends Omit<RateLimitGuardOptions<Group>, "subject" | "chargeWhen"> {
  /** Resolver of the client's address: `clientIp({ trust })`. Without it, rules that count addresses refuse, unless they say otherwise. */
  readonly ip?: (facts: HttpFacts) => string | null | undefined | Promise<string | null | undefined>;
}

export interface Enforced {
  readonly allowed: boolean;
  /** The response to send; `undefined` when the request is allowed. */
  readonly response: Response | undefined;
  /** Headers that report the limits, for the response to an allowed request. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Creates `enforceRateLimit(request, tenantId, userId, tier)`, for moving over routes that are written that way: it decides
 * one request in the middle of a route handler. `tier` is the name or an alias of the plan whose rules apply to the request;
 * a tier that is not a plan throws `PlanError`, because an unknown tier is not an unlimited one. All tiers share their
 * counts: a tenant that changes its tier does not start with empty counts.
 * `concurrency` rules are not decided, because the call does not learn when the response ends. `rateLimit` of this entry
 * decides them too, around the handler.
 * @param limits the options of a limiter, with the plans that a caller chooses from in place of a plan resolver
 * @throws {ConfigError} that names the wrong option
 */
export function createEnforce<Group extends string>(
  limits: Omit<RateLimiterOptions, "plans" | "rules"> & { readonly plans: Plans<string, Group> },
  options: EnforceOptions<NoInfer<Group>> = {},
  // oxlint-disable-next-line max-params -- the shape that applications call
): (request: Request, tenantId: string, userId: string | undefined, tier: string) => Promise<Enforced> {
  const { ip, ...guardOptions } = options;
  if (ip !== undefined && typeof ip !== "function") {
    throw new ConfigError(`createEnforce: ip: expected a function, got ${describeValue(ip)}`);
  }
  const addressOf = ip && checkedCallback(ip, optionalStringResult("createEnforce: ip"));
  const { plans, store = memoryStore(), ...limiterOptions } = limits;
  const subjects = new WeakMap<HttpFacts, RateLimitSubject>();
  const subject = (facts: HttpFacts): RateLimitSubject => subjects.get(facts) ?? {};
  const guards = new Map<string, HttpGuard>();
  for (const name of plans.names) {
    // One limiter per tier. They share their name, and with it their counts.
    const plan = fixedResolver(plans, plans.resolve(name));
    const limiter = createLimiter({ ...limiterOptions, store, plans: plan }, guards.size > 0);
    guards.set(name, rateLimitGuard(withoutSlots(limiter), { ...guardOptions, subject }));
  }

  // oxlint-disable-next-line max-params -- as above
  return async (request, tenantId, userId, tier) => {
    const guard = guards.get(plans.resolve(tier).name);
    const facts = factsFromFetch(request);
    subjects.set(facts, { tenantId, userId, ip: await addressOf?.(facts) });
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

function enforced({ reply, headers = {} }: Verdict): Enforced {
  if (reply === undefined) return { allowed: true, response: undefined, headers };
  const { status, headers: all, text } = serializeReply(reply, headers);
  return { allowed: false, response: new Response(text ?? null, { status, headers: all }), headers: all };
}

/** A limiter whose `acquire` leaves out `concurrency` rules. */
function withoutSlots(limiter: RateLimiter): RateLimiter {
  const acquire = async (...args: Parameters<RateLimiter["acquire"]>): Promise<Slot> => {
    const decision = await limiter.check(...args);
    return slotOf(decision, { free: async () => undefined });
  };
  return { ...limiter, acquire };
}

/** A resolver that returns the same plan for every tenant. */
function fixedResolver(plans: Plans, plan: Plan): PlanResolver {
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
