import { OpenError, type OpenErrorInit, withoutStack } from "../errors.js";
import { callerTenant, callRefuse } from "../events.js";

/** The error of a refused call, which is published too. */
export function refusal(init: OpenErrorInit): OpenError {
  callRefuse.publish(() => {
    const { breaker, key, state, retryAfterMs } = init;
    return { tenantId: callerTenant(), breaker, key, state, retryAfterMs };
  });
  return withoutStack(() => new OpenError(init));
}
