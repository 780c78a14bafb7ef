import { isScaleError } from "@scale/core";
import { storeFail } from "../events.js";
import type { UsageFailurePolicy } from "../options.js";
import type { UsageRequest } from "./requests.js";

/** Runs a call to the store; `undefined` when the store did not answer and `whenUsageFails` admits the requests. */
export type FailurePolicy = <T>(requests: readonly UsageRequest[], call: () => Promise<T>) => Promise<T | undefined>;

export function createFailurePolicy(whenUsageFails: {
  readonly hard: UsageFailurePolicy;
  readonly soft: UsageFailurePolicy;
}): FailurePolicy {
  const isAdmitted = ({ grant: { kind } }: UsageRequest): boolean =>
    whenUsageFails[kind === "soft" ? "soft" : "hard"] === "allow";

  return async (requests, call) => {
    try {
      return await call();
    } catch (error) {
      const [first] = requests;
      if (first === undefined || !(isScaleError(error, "SCALE_STORE") || isScaleError(error, "SCALE_TIMEOUT")))
        throw error;
      const { tenantId } = first.grant;
      const decided = requests.every(isAdmitted) ? "allow" : "throw";
      const metrics = requests.map(({ grant }) => grant.metric);
      storeFail.publish(() => ({ tenantId, metrics, decided, error }));
      if (decided === "throw") throw error;
      return undefined;
    }
  };
}
