import { StoreError, type StoreFailurePolicy } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { decisionByPolicy, decisionOf } from "./decision.js";
import { storeFail } from "../events.js";
import { localShare } from "../memory/local-share.js";
import type { Asked, BoundRule } from "./rules.js";
import type { Charge, Decision, HeldSlot, ConsumeRequest } from "../types.js";

export interface FailureOptions {
  readonly name: string;
  /** Of rules that have none of their own. */
  readonly whenStoreFails: StoreFailurePolicy;
  readonly instances: number | undefined;
  readonly onStoreError: ((error: unknown) => unknown) | undefined;
}

/** What requests get while the store cannot answer. */
export interface FailurePolicies {
  /**
   * Decides by the policies of the question's rules: one that throws or denies stands for all, those with a local share
   * decide together, and those that allow leave it to the others.
   * @throws {StoreError} when the policy of a rule is `throw`
   */
  decide(asked: Asked, error: unknown): Decision;
  /** Tells the local share what the store admitted. */
  record(take: ConsumeRequest): void;
  /** Frees a slot that was taken of the local share. */
  release(held: HeldSlot): void;
  /** Tells the application and the event channel of a failure that no request waits for. */
  report(tenantId: string, error: unknown): void;
}

export function createFailurePolicies(options: FailureOptions): FailurePolicies {
  const { name, whenStoreFails, instances, onStoreError } = options;
  const local = instances === undefined ? undefined : localShare(instances);
  const policyOf = ({ rule }: Pick<Charge, "rule">): StoreFailurePolicy => rule.whenStoreFails ?? whenStoreFails;

  /** What the callback does, throwing included, is not the request's affair. */
  async function call(error: unknown): Promise<void> {
    try {
      await onStoreError?.(error);
    } catch (failure) {
      process.emitWarning(failure instanceof Error ? failure : new Error(describeValue(failure)));
    }
  }

  function report(tenantId: string, error: unknown): void {
    void call(error);
    storeFail.publish(() => ({ limiter: name, tenantId, error }));
  }

  /** The part of a question that a policy decides. */
  function only(policy: StoreFailurePolicy, { plan, group, rules, take }: Asked): Asked {
    const isMeant = (part: Pick<BoundRule, "rule">): boolean => policyOf(part) === policy;
    return { plan, group, rules: rules.filter(isMeant), take: { ...take, charges: take.charges.filter(isMeant) } };
  }

  return {
    report,
    decide(asked, error) {
      report(asked.take.tenantId, error);
      const policies = new Set(asked.rules.filter(({ rule }) => !rule.shadow).map(policyOf));
      if (policies.has("throw")) throw new StoreError("the rate limit store could not answer", { cause: error });
      if (policies.has("deny")) return decisionByPolicy(asked, false);
      const shared = only("local", asked);
      if (local === undefined || shared.rules.length === 0) return decisionByPolicy(asked, true);
      return decisionOf(shared, local.take(shared.take), "local");
    },
    record(take) {
      if (local === undefined) return;
      const charges = take.charges.filter(
        (charge) => policyOf(charge) === "local" && charge.rule.algorithm !== "concurrency",
      );
      if (charges.length > 0) local.record({ ...take, charges });
    },
    release: (held) => local?.release(held),
  };
}
