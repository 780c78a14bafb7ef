import { isScaleError } from "@scale/core";
import { storeFail } from "../events.js";
import type { UsageFailurePolicy } from "../options.js";
import type { UsageRequest } from "./requests.js";

/** Decides when the store does not answer. */
export interface FailurePolicy {
  /** True when the requests are admitted without an answer. */
  admits(requests: readonly UsageRequest[]): boolean;
  /** Runs a call to the store; `undefined` when the store did not answer and the requests are admitted. */
  run<T>(requests: readonly UsageRequest[], call: () => Promise<T>): Promise<T | undefined>;
}

export function createFailurePolicy(whenUsageFails: {
  readonly hard: UsageFailurePolicy;
  readonly soft: UsageFailurePolicy;
}): FailurePolicy {
  /** An unlimited metric is counted, and never refused. */
  const isAdmitted = ({ grant: { kind } }: UsageRequest): boolean =>
    kind === "unlimited" || whenUsageFails[kind] === "allow";
  const admits = (requests: readonly UsageRequest[]): boolean => requests.every(isAdmitted);

  return {
    admits,
    async run(requests, call) {
      try {
        return await call();
      } catch (error) {
        const [first] = requests;
        if (first === undefined || !(isScaleError(error, "SCALE_STORE") || isScaleError(error, "SCALE_TIMEOUT")))
          throw error;
        const { tenantId } = first.grant;
        const decided = admits(requests) ? "allow" : "throw";
        const metrics = requests.map(({ grant }) => grant.metric);
        storeFail.publish(() => ({ tenantId, metrics, decided, error }));
        if (decided === "throw") throw error;
        return undefined;
      }
    },
  };
}
