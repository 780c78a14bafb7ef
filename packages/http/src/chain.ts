import { type TenantContext, tenancy } from "@scale/core";
import { checkFunctions } from "./check-function.js";
import { mergeHeaders } from "./headers.js";
import { allEnded } from "./on-end.js";
import type { HttpGuard, Verdict } from "./types.js";

/**
 * One guard out of many. They run in order, each for the tenant that an earlier one gave; the first reply ends it.
 * The verdict carries the headers of every guard that ran, the tenant, and one `ended` for all of them. When a guard
 * throws, there is no verdict that could carry it: what earlier guards wait for has ended then.
 * Without guards every request passes: a route may have none.
 * @throws {ConfigError} for what is not a function
 */
export function chain(...guards: readonly HttpGuard[]): HttpGuard {
  checkFunctions(guards, "chain: guards");
  return async (facts) => {
    let verdict: Verdict = {};
    try {
      for (const guard of guards) {
        verdict = joined(verdict, await inTenant(verdict.tenant, () => guard(facts)));
        if (verdict.reply !== undefined) break;
      }
    } catch (error) {
      verdict.onEnd?.();
      throw error;
    }
    return verdict;
  };
}

function joined(earlier: Verdict, later: Verdict): Verdict {
  const tenant = later.tenant ?? earlier.tenant;
  const ended = [earlier.onEnd, later.onEnd].filter((each) => each !== undefined);
  return {
    headers: mergeHeaders(earlier.headers ?? {}, later.headers ?? {}),
    ...(later.reply !== undefined && { reply: later.reply }),
    ...(tenant !== undefined && { tenant }),
    ...(ended.length > 0 && { onEnd: allEnded(ended) }),
  };
}

/** Runs `fn` for the tenant, or as it is where there is none. */
export function inTenant<T>(tenant: TenantContext | undefined, fn: () => T): T {
  return tenant === undefined ? fn() : tenancy.run(tenant, fn);
}
