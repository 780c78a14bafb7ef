import { type TenantContext, tenancy } from "@scale/core";
import { checkFunctions } from "./check-function.js";
import { checkVerdict } from "./check-verdict.js";
import { mergeHeaders } from "./headers.js";
import { combineOnEnd, NOT_SENT, type OnEnd } from "./on-end.js";
import type { HttpGuard, Verdict } from "./types.js";

/**
 * Composes guards to one. They run in order, each for the tenant of an earlier one; the first reply ends the chain.
 * The verdict has the headers of every guard that ran, the tenant, and one `onEnd` for all of them. When a guard throws
 * there is no verdict, so that `onEnd` of the earlier guards runs at once.
 * Without guards every request passes.
 * @throws {ConfigError} for a guard that is not a function
 */
export function chain(...guards: readonly HttpGuard[]): HttpGuard {
  checkFunctions(guards, "chain: guards");
  return async (facts) => {
    let verdict: Verdict = {};
    const callbacks: OnEnd[] = [];
    try {
      for (const guard of guards) {
        const later = checkVerdict(await inTenant(verdict.tenant, () => guard(facts)), "chain: guard");
        // Before the headers are merged, which throws for wrong ones.
        if (later.onEnd !== undefined) callbacks.push(later.onEnd);
        verdict = joinVerdicts(verdict, later);
        if (verdict.reply !== undefined) break;
      }
    } catch (error) {
      combineOnEnd(callbacks)(NOT_SENT);
      throw error;
    }
    return callbacks.length === 0 ? verdict : { ...verdict, onEnd: combineOnEnd(callbacks) };
  };
}

function joinVerdicts(earlier: Verdict, later: Verdict): Verdict {
  const tenant = later.tenant ?? earlier.tenant;
  return {
    headers: mergeHeaders(earlier.headers ?? {}, later.headers ?? {}),
    ...(later.reply !== undefined && { reply: later.reply }),
    ...(tenant !== undefined && { tenant }),
  };
}

/** Runs `fn` for the tenant; without a tenant it just runs it. */
export function inTenant<T>(tenant: TenantContext | undefined, fn: () => T): T {
  return tenant === undefined ? fn() : tenancy.run(tenant, fn);
}
