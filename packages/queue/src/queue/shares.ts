import type { Plan, PlanResolver } from "@scale/core";
import { checkedCallback, wrongResult } from "@scale/core/kit";
import type { TenantShare } from "../types.js";

/** Looks up the share that a tenant has now. */
export type ShareOf = (tenantId: string) => TenantShare | Promise<TenantShare>;

export type ShareOption = (tenantId: string) => Partial<TenantShare> | Promise<Partial<TenantShare>>;

const EQUAL: TenantShare = Object.freeze({ weight: 1, maxInFlight: Infinity, maxBacklog: 100_000 });

/** Shares come from the plans, from a function of the application, or are equal. */
export function createShares(plans: PlanResolver | undefined, share: ShareOption | undefined): ShareOf {
  if (plans !== undefined) {
    return (tenantId) => {
      const plan = plans.resolve(tenantId);
      return plan instanceof Promise ? plan.then(shareOfPlan) : shareOfPlan(plan);
    };
  }
  return share === undefined ? () => EQUAL : checkedCallback(share, checkedShare);
}

const shareOfPlan = ({ queue }: Plan): TenantShare => queue ?? EQUAL;

function checkedShare(result: unknown): TenantShare {
  if (typeof result !== "object" || result === null) throw wrongResult(OPTION, "a share", result);
  const { weight, maxInFlight, maxBacklog, rate }: TenantShare = { ...EQUAL, ...result };
  if (typeof weight !== "number" || !(weight > 0 && weight <= 1_000_000)) {
    throw wrongResult(`${OPTION}.weight`, "a number above 0 and up to 1,000,000", weight);
  }
  checkCount("maxInFlight", maxInFlight);
  checkCount("maxBacklog", maxBacklog);
  if (rate === undefined) return { weight, maxInFlight, maxBacklog };
  checkCount("rate.limit", rate.limit);
  checkCount("rate.windowMs", rate.windowMs);
  return { weight, maxInFlight, maxBacklog, rate };
}

const OPTION = "createQueue: fairness.share";

function checkCount(name: string, value: unknown): void {
  if (value === Infinity || (Number.isSafeInteger(value) && Number(value) >= 1)) return;
  throw wrongResult(`${OPTION}: ${name}`, "an integer >= 1 or Infinity", value);
}
