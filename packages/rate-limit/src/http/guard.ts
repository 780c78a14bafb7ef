import { ConfigError, systemClock } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { HttpFacts, HttpGuard } from "@scale/http";
import type { RateLimiter } from "../limiter.js";
import { SetupCheck } from "../setup-warnings.js";
import type { CheckOptions, Decision, RateLimitSubject, Slot } from "../types.js";
import { rateLimitHeaders } from "./headers.js";
import { isPreflight, withIpv6Prefix } from "./ip-subject.js";
import { parseGuardOptions, type RateLimitGuardOptions } from "./options.js";
import { denial } from "./problem.js";

export type { RateLimitGuardOptions } from "./options.js";
export type { HeaderForm } from "./headers.js";
export type { RateLimitUpgrade } from "./upgrade.js";

/**
 * Replies 429 to requests that the limiter denies, and 503 when it denies because its store cannot answer. Adds the limits
 * to the headers of every response. Slots of `concurrency` rules are held until the response has ended.
 * @throws {ConfigError} that names the wrong option
 */
export function rateLimitGuard(limiter: RateLimiter, options: RateLimitGuardOptions = {}): HttpGuard {
  const parsed = parseGuardOptions(options);
  if (typeof limiter?.check !== "function") {
    throw new ConfigError(`rateLimitGuard: expected a limiter, got ${describeValue(limiter)}`);
  }
  const { admitted, setup } = sharedBy(limiter);
  return async (facts) => {
    if (parsed.skip(facts) || (parsed.preflight === "skip" && isPreflight(facts))) return {};
    const request = frameworkRequest(facts);
    const groupOnly = parsed.group !== undefined && admitted.has(request);
    const subject = parsed.subject(facts);
    const options = {
      cost: typeof parsed.cost === "function" ? parsed.cost(facts) : parsed.cost,
      ...(parsed.group !== undefined && { group: parsed.group, groupOnly }),
    };
    const slot = await setup.watchDecision(subject, () =>
      decide(limiter, withIpv6Prefix(subject, parsed.ipv6Prefix), options),
    );
    const { decision } = slot;
    if (decision.allowed) admitted.add(request);
    setup.inspect({ request, facts, subject, decision, ownRules: !groupOnly });
    const headers = rateLimitHeaders(decision, parsed.headers, systemClock.now());
    if (!decision.allowed) return { headers, reply: denial(limiter.plans, decision) };
    return { headers, ...(mayHoldSlot(decision) && { onEnd: () => void slot.release() }) };
  };
}

/** A request with a cost of 0 charges nothing, and takes no slot. */
async function decide(
  limiter: RateLimiter,
  subject: RateLimitSubject,
  options: CheckOptions,
): Promise<Pick<Slot, "decision" | "release">> {
  if (options.cost !== 0) return limiter.acquire(subject, options);
  return { decision: await limiter.check(subject, options), release: async () => undefined };
}

// A decision that lists rules without slots holds none. A decision without rules, by policy, may hold one.
const mayHoldSlot = ({ limits }: Decision): boolean =>
  limits.length === 0 || limits.some(({ algorithm }) => algorithm === "concurrency");

const shared = new WeakMap<RateLimiter, { admitted: WeakSet<object>; setup: SetupCheck }>();

/** The state that all guards of one limiter share: requests that it has admitted, and its setup check. */
function sharedBy(limiter: RateLimiter): { admitted: WeakSet<object>; setup: SetupCheck } {
  const known = shared.get(limiter);
  if (known !== undefined) return known;
  const setup = new SetupCheck(limiter.name, (plan) => limiter.plans?.find(plan));
  const made = { admitted: new WeakSet<object>(), setup };
  shared.set(limiter, made);
  return made;
}

/** The framework's own request object, which all guards of a request share. */
const frameworkRequest = (facts: HttpFacts): object =>
  typeof facts.raw === "object" && facts.raw !== null ? facts.raw : facts;
