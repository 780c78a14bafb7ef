import { ConfigError, systemClock } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { HttpFacts, HttpGuard } from "@scale/http";
import { rateLimitHeaders } from "./headers.js";
import { counted, isPreflight } from "./ip-subject.js";
import { denial } from "./problem.js";
import { type GuardOptions, parseGuardOptions, type RateLimitGuardOptions } from "./options.js";
import type { CheckOptions, RateLimiter } from "../limiter.js";
import type { Decision, RateLimitSubject, Slot } from "../types.js";
import { createWiringCheck, type WiringCheck } from "../setup-warnings.js";

export type { RateLimitGuardOptions } from "./options.js";
export type { HeaderForm } from "./headers.js";
export type { RateLimitUpgrade, UpgradedLimit } from "./upgrade.js";

/**
 * Answers 429 to what the limiter denies, 503 when it denies because its store cannot answer, and tells the limits to all.
 * Slots of `concurrency` rules are held until the response is over.
 * @throws {ConfigError} that names the wrong option
 */
export function rateLimitGuard(limiter: RateLimiter, options: RateLimitGuardOptions = {}): HttpGuard {
  const parsed = parseGuardOptions(options);
  if (typeof limiter?.check !== "function") {
    throw new ConfigError(`rateLimitGuard: expected a limiter, got ${describeValue(limiter)}`);
  }
  const guarded = guardedBy(limiter);
  return async (facts) => {
    if (parsed.skip(facts) || (parsed.preflight === "skip" && isPreflight(facts))) return {};
    const request = requestOf(facts);
    const groupOnly = parsed.group !== undefined && guarded.admitted.has(request);
    const subject = parsed.subject(facts);
    const options = {
      cost: costOf(parsed, facts),
      ...(parsed.group !== undefined && { group: parsed.group, groupOnly }),
    };
    const slot = await guarded.wiring.deciding(subject, () =>
      decide(limiter, counted(subject, parsed.ipv6Prefix), options),
    );
    const { decision } = slot;
    if (decision.allowed) guarded.admitted.add(request);
    guarded.wiring.decided({ request, facts, subject, decision, ownRules: !groupOnly });
    const headers = rateLimitHeaders(decision, parsed.headers, systemClock.now());
    if (!decision.allowed) return { headers, reply: denial(limiter.plans, decision) };
    return { headers, ...(mayHold(decision) && { onEnd: () => void slot.release() }) };
  };
}

/** What costs nothing is a question: it takes no slot. */
async function decide(
  limiter: RateLimiter,
  subject: RateLimitSubject,
  options: CheckOptions,
): Promise<Pick<Slot, "decision" | "release">> {
  if (options.cost !== 0) return limiter.acquire(subject, options);
  return { decision: await limiter.check(subject, options), release: async () => undefined };
}

const costOf = ({ cost }: GuardOptions, facts: HttpFacts): number => (typeof cost === "function" ? cost(facts) : cost);

// A decision that lists its rules without slots holds none; one that lists nothing may, for all that is known.
const mayHold = ({ limits }: Decision): boolean =>
  limits.length === 0 || limits.some(({ algorithm }) => algorithm === "concurrency");

/** What all guards of one limiter know together. */
interface Guarded {
  /** The requests that it has admitted, by the framework's own request, which all guards of a request share. */
  readonly admitted: WeakSet<object>;
  readonly wiring: WiringCheck;
}

const guards = new WeakMap<RateLimiter, Guarded>();

function guardedBy(limiter: RateLimiter): Guarded {
  const known = guards.get(limiter);
  if (known !== undefined) return known;
  const wiring = createWiringCheck(limiter.name, (plan) => limiter.plans?.find(plan));
  const guarded = { admitted: new WeakSet<object>(), wiring };
  guards.set(limiter, guarded);
  return guarded;
}

const requestOf = (facts: HttpFacts): object =>
  typeof facts.raw === "object" && facts.raw !== null ? facts.raw : facts;
