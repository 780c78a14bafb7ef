import { StoreError, type StoreFailurePolicy } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { storeFail } from "../events.js";
import { localShare } from "../memory/local-share.js";
import type { ParsedOptions } from "../options.js";
import type { Charge, ConsumeRequest, Decision, HeldSlot } from "../types.js";
import { tenantOfRequest } from "./counted-id.js";
import { ChargedDecision, decisionByPolicy } from "./decision.js";
import type { BoundRule, LimitRequest } from "./rules.js";

/** Decides requests while the store cannot answer. */
export interface FailurePolicy {
  /**
   * Decides by the policies of the request's rules: `throw` or `deny` of one rule holds for all, rules with a local share
   * decide together, and rules that allow leave the decision to the others.
   * @throws {StoreError} when the policy of a rule is `throw`
   */
  decide(request: LimitRequest, error: unknown): Decision;
  /** Charges the local share with a request that the store admitted. */
  record(request: ConsumeRequest): void;
  /** Frees a slot of the local share. */
  release(held: HeldSlot): void;
  /** Reports a failure that no request waits for, to the application and the event channel. */
  report(request: Pick<HeldSlot, "tenantId" | "charges">, error: unknown): void;
}

export function createFailurePolicy(options: ParsedOptions): FailurePolicy {
  const { name, whenStoreFails, instances, onStoreError } = options;
  const local = instances === undefined ? undefined : localShare(instances);
  const policyOf = ({ rule }: Pick<Charge, "rule">): StoreFailurePolicy => rule.whenStoreFails ?? whenStoreFails;

  const report: FailurePolicy["report"] = (request, error) => {
    void runCallback(onStoreError, error);
    storeFail.publish(() => ({ limiter: name, tenantId: tenantOfRequest(request), error }));
  };

  /** The part of a request that the local share decides. */
  function localPart({ rules, consume, ...set }: LimitRequest): LimitRequest {
    const isLocal = (part: Pick<BoundRule, "rule">): boolean => policyOf(part) === "local";
    const charges = consume.charges.filter(isLocal);
    return { ...set, rules: rules.filter(isLocal), consume: { ...consume, charges } };
  }

  return {
    report,
    decide(request, error) {
      report(request.consume, error);
      const policies = new Set(request.rules.filter(({ rule }) => !rule.shadow).map(policyOf));
      if (policies.has("throw")) throw new StoreError("the rate limit store could not answer", { cause: error });
      if (policies.has("deny")) return decisionByPolicy(request, false);
      const shared = localPart(request);
      if (local === undefined || shared.rules.length === 0) return decisionByPolicy(request, true);
      return new ChargedDecision(shared, local.consume(shared.consume), "local");
    },
    record(request) {
      if (local === undefined) return;
      const charges = request.charges.filter(
        (charge) => policyOf(charge) === "local" && charge.rule.algorithm !== "concurrency",
      );
      if (charges.length > 0) local.record({ ...request, charges });
    },
    release: (held) => local?.release(held),
  };
}

/** Runs the application's callback. Its errors, thrown or rejected, must not fail the request. */
async function runCallback(callback: ParsedOptions["onStoreError"], error: unknown): Promise<void> {
  try {
    await callback?.(error);
  } catch (failure) {
    process.emitWarning(failure instanceof Error ? failure : new Error(describeValue(failure)));
  }
}
