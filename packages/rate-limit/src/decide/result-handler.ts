import { requestDecide } from "../events.js";
import type { ParsedOptions } from "../options.js";
import type { ConsumeRequest, ConsumeResult, Decision } from "../types.js";
import { tenantOfRequest } from "./counted-id.js";
import { ChargedDecision } from "./decision.js";
import type { DenialCache } from "./denial-cache.js";
import type { FailurePolicy } from "./failure-policy.js";
import type { GivenUpRequests } from "./given-up-requests.js";
import type { LimitRequest } from "./rules.js";
import { checkResult } from "./store-client.js";

/** Turns results and failures of the store into published decisions. */
export interface ResultHandler {
  publish(request: LimitRequest, decision: Decision): Decision;
  /**
   * Checks a result of the store, and caches a refusal.
   * @param sentAt what `sentNow` returned before the store was asked
   */
  accept(request: ConsumeRequest, result: ConsumeResult, sentAt: number): ConsumeResult;
  decided(request: LimitRequest, result: ConsumeResult, by: "store" | "lease"): Decision;
  /**
   * Decides by failure policy. The charge of a late answer is taken back, unless the policy admits the request.
   * @param sent the part of the request that the store was asked about; default: all of it
   * @throws {StoreError} when the failure policy of a rule is `throw`
   */
  failed(request: LimitRequest, error: unknown, sent?: ConsumeRequest): Decision;
  /** The monotonic clock, or 0 when no denial cache needs it. */
  sentNow(): number;
}

export function createResultHandler(
  { name, clock }: ParsedOptions,
  parts: {
    readonly failurePolicy: FailurePolicy;
    readonly denialCache: DenialCache | undefined;
    readonly givenUp: GivenUpRequests;
  },
): ResultHandler {
  const { failurePolicy, denialCache, givenUp } = parts;

  function publish({ consume }: LimitRequest, decision: Decision): Decision {
    requestDecide.publish(() => ({
      limiter: name,
      tenantId: tenantOfRequest(consume),
      group: decision.group,
      decision,
    }));
    return decision;
  }

  return {
    publish,
    accept(request, result, sentAt) {
      checkResult(result, request);
      if (!result.allowed && request.cost > 0) denialCache?.add(request, result, sentAt);
      return result;
    },
    decided(request, result, by) {
      if (result.allowed && request.consume.cost > 0) failurePolicy.record(request.consume);
      return publish(request, new ChargedDecision(request, result, by));
    },
    failed(request, error, sent = request.consume) {
      let isAdmitted = false;
      try {
        const decision = failurePolicy.decide(request, error);
        isAdmitted = decision.allowed;
        return publish(request, decision);
      } finally {
        givenUp.add(sent, error, isAdmitted);
      }
    },
    sentNow: denialCache === undefined ? () => 0 : () => clock.monotonic(),
  };
}
