import { type TenantContext, tenancy } from "@scale/core";
import { checkFunctions } from "./check-function.js";
import { checkVerdict } from "./check-verdict.js";
import { type HeaderSet, mergeHeaders } from "./headers.js";
import { releaseHold } from "./hold.js";
import { combineOnEnd, NOT_SENT, type OnEnd } from "./on-end.js";
import type { Hold, HttpGuard, Verdict } from "./types.js";

/**
 * Composes guards to one. They run in order, each for the tenant of an earlier one; the first reply ends the chain.
 * The verdict has the headers of every guard that ran, the tenant, and one `onEnd` and the `holds` of all of them. When a
 * guard throws there is no verdict, so that `onEnd` of the earlier guards runs at once, and what they hold is released.
 * Without guards every request passes.
 * @throws {ConfigError} for a guard that is not a function
 */
export function chain(...guards: readonly HttpGuard[]): HttpGuard {
  checkFunctions(guards, "chain: guards");
  return async (facts) => {
    let verdict: Verdict = {};
    const callbacks: OnEnd[] = [];
    const holds: Hold[] = [];
    try {
      for (const guard of guards) {
        const later = checkVerdict(await inTenant(verdict.tenant, () => guard(facts)), "chain: guard");
        // Before the headers are merged, which throws for wrong ones.
        if (later.onEnd !== undefined) callbacks.push(later.onEnd);
        if (later.holds !== undefined) holds.push(...later.holds);
        verdict = joinVerdicts(verdict, later);
        if (verdict.reply !== undefined) break;
      }
    } catch (error) {
      combineOnEnd(callbacks)(NOT_SENT);
      for (const hold of holds) releaseHold(hold);
      throw error;
    }
    if (callbacks.length === 0 && holds.length === 0) return verdict;
    return {
      ...verdict,
      ...(callbacks.length > 0 && { onEnd: combineOnEnd(callbacks) }),
      ...(holds.length > 0 && { holds }),
    };
  };
}

function joinVerdicts(earlier: Verdict, later: Verdict): Verdict {
  const tenant = later.tenant ?? earlier.tenant;
  return {
    headers: joinHeaders(earlier.headers, later.headers),
    ...(later.reply !== undefined && { reply: later.reply }),
    ...(tenant !== undefined && { tenant }),
  };
}

/** Most guards set no headers, or are the first to set some: then nothing is copied. */
function joinHeaders(earlier: HeaderSet | undefined, later: HeaderSet | undefined): HeaderSet {
  if (earlier === undefined || earlier === NO_HEADERS) return later ?? NO_HEADERS;
  return later === undefined ? earlier : mergeHeaders(earlier, later);
}

const NO_HEADERS: HeaderSet = Object.freeze({});

/** Runs `fn` for the tenant; without a tenant it just runs it. */
export function inTenant<T>(tenant: TenantContext | undefined, fn: () => T): T {
  return tenant === undefined ? fn() : tenancy.run(tenant, fn);
}
