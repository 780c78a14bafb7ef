import { ConfigError, systemClock } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import {
  type Hold,
  type HttpFacts,
  type HttpGuard,
  isTenantChosenByClient,
  type ResponseEnd,
  type Verdict,
} from "@scale/http";
import type { RateLimiter } from "../limiter.js";
import { SetupCheck } from "../setup-warnings.js";
import type { CheckOptions, Decision, RateLimitSubject, Slot } from "../types.js";
import { giveBack, giveBackUnlessCharged } from "./give-back.js";
import { rateLimitHeaders } from "./headers.js";
import { type ParsedGuardOptions, parseGuardOptions, type RateLimitGuardOptions } from "./options.js";
import { denial } from "./problem.js";
import { decisionsAbout, frameworkRequest, type GuardedDecision, logDecision, policyNames } from "./request-log.js";

export type { ChargeWhen } from "./give-back.js";
export type { HeaderForm } from "./headers.js";
export type { RateLimitGuardOptions } from "./options.js";
export { decisionOf } from "./request-log.js";
export type { RateLimitUpgrade } from "./upgrade.js";

/**
 * Replies 429 to requests that the limiter denies, and 503 when it denies because its store cannot answer. Adds the limits
 * to the headers of every response. Slots of `concurrency` rules are held until the handler has ended, also when its client
 * disconnects. `decisionOf` returns the decision to the handler.
 * @throws {ConfigError} that names the wrong option
 */
export function rateLimitGuard<Group extends string>(
  limiter: RateLimiter<Group>,
  options: RateLimitGuardOptions<NoInfer<Group>> = {},
): HttpGuard {
  const parsed = parseGuardOptions(options);
  if (typeof limiter?.check !== "function") {
    throw new ConfigError(`rateLimitGuard: expected a limiter, got ${describeValue(limiter)}`);
  }
  checkGroup(parsed.group, limiter);
  const setup = setupCheckOf(limiter);
  return async (facts) => {
    const skips = parsed.skip?.(facts) ?? false;
    if (skips instanceof Promise ? await skips : skips) return {};
    const found = parsed.subject(facts);
    const subject = found instanceof Promise ? await found : found;
    const costs = typeof parsed.cost === "number" ? parsed.cost : parsed.cost(facts);
    const cost = costs instanceof Promise ? await costs : costs;
    const request = frameworkRequest(facts);
    const earlier = decisionsAbout(request);
    const own = earlier.length === 0 ? earlier : earlier.filter((each) => each.limiter === limiter);
    const options = { cost, ...groupOf(parsed, own) };
    const slot = await setup.watchDecision(subject, () => decide(limiter, subject, options));
    const { decision } = slot;
    const entry: GuardedDecision = { limiter, subject, decision, policyOf: policyNames(earlier, limiter) };
    try {
      setup.inspect({ facts, subject, decision, earlier: own });
      logDecision(request, entry);
      const isHidden = parsed.showLimits === "authenticated" && mayNotSee(facts, subject);
      return isHidden
        ? withoutLimits(verdictOf(entry, slot, { ...parsed, headers: [] }))
        : verdictOf(entry, slot, parsed);
    } catch (error) {
      // The request ends here: it keeps neither a slot nor its units.
      void slot.release();
      void giveBack(entry);
      throw error;
    }
  };
}

/** A client that has only named a tenant learns nothing of its limits and its plan. Its own address is its own. */
const mayNotSee = (facts: HttpFacts, { tenantId }: RateLimitSubject): boolean =>
  tenantId !== undefined && tenantId !== null && isTenantChosenByClient(facts);

/** A refusal with its status, its code and `Retry-After` alone. */
function withoutLimits({ reply, ...verdict }: Verdict): Verdict {
  if (reply === undefined) return verdict;
  const { type, title, status, code } = reply.body as Readonly<Record<"type" | "title" | "status" | "code", unknown>>;
  return { ...verdict, reply: { ...reply, body: { type, title, status, code } } };
}

/** A group that no plan has would refuse every request of the route. */
function checkGroup(group: string | undefined, { plans }: RateLimiter): void {
  if (group === undefined || plans?.groups.includes(group) === true) return;
  const expected = plans === undefined ? "no group for a limiter without plans" : `one of ${plans.groups.join(", ")}`;
  throw new ConfigError(`rateLimitGuard: group: expected ${expected}, got ${describeValue(group)}`);
}

/** The group, and the decisions of this limiter that have charged the request. */
function groupOf(
  { group }: ParsedGuardOptions,
  own: readonly GuardedDecision[],
): Pick<CheckOptions, "group" | "charged"> {
  if (group === undefined) return {};
  return own.length === 0 ? { group } : { group, charged: own.map(({ decision }) => decision) };
}

/** A request with a cost of 0 charges nothing, and takes no slot. */
async function decide(limiter: RateLimiter, subject: RateLimitSubject, options: CheckOptions): Promise<GuardedSlot> {
  if (options.cost !== 0) return limiter.acquire(subject, options);
  const decision = await limiter.check(subject, options);
  return { decision, release: async () => undefined, letExpire: () => undefined };
}

type GuardedSlot = Pick<Slot, "decision" | "release" | "letExpire">;

function verdictOf(entry: GuardedDecision, slot: GuardedSlot, options: ParsedGuardOptions): Verdict {
  const { limiter, decision, policyOf } = entry;
  const headers = rateLimitHeaders(decision, options.headers, { nowMs: systemClock.now(), policyOf });
  if (!decision.allowed) return { headers, reply: denial(limiter.plans, decision, policyOf) };
  const { isCharged } = options;
  const hasSlot = mayHoldSlot(decision);
  const isRefundable = isCharged !== undefined && decision.cost > 0;
  return {
    headers,
    ...(hasSlot && { holds: [holdOf(slot, options.maxHoldMs)] }),
    ...(isRefundable && { onEnd: (end: ResponseEnd) => void giveBackUnlessCharged(entry, isCharged, end) }),
  };
}

/** Holds a slot for a request, and renews it for no longer than `maxMs`. */
function holdOf(slot: GuardedSlot, maxMs: number): Hold {
  slot.letExpire(maxMs);
  return { release: () => void slot.release(), letExpire: () => slot.letExpire() };
}

// A decision that lists rules without slots holds none. A decision without rules, by policy, may hold one.
const mayHoldSlot = ({ limits }: Decision): boolean =>
  limits.length === 0 || limits.some(({ algorithm }) => algorithm === "concurrency");

const setupChecks = new WeakMap<RateLimiter, SetupCheck>();

/** The setup check that all guards of one limiter share. */
function setupCheckOf(limiter: RateLimiter): SetupCheck {
  const known = setupChecks.get(limiter);
  if (known !== undefined) return known;
  const made = new SetupCheck(limiter.name, (plan) => limiter.plans?.find(plan));
  setupChecks.set(limiter, made);
  return made;
}
