import { ConfigError, type PlanResolver } from "@scale/core";
import { checkedCallback, describeValue, wrongResult } from "@scale/core/kit";
import type { TenantShare } from "../types.js";

/** Looks up the share that a tenant has now. */
export interface Shares {
  of(tenantId: string): TenantShare | Promise<TenantShare>;
  /** Stops checking replacement plans against this queue. */
  close(): void;
}

export type ShareOption = (tenantId: string) => Partial<TenantShare> | Promise<Partial<TenantShare>>;

const EQUAL: TenantShare = Object.freeze({ weight: 1, maxInFlight: Infinity, maxBacklog: 100_000 });

/** Shares come from the plans, from a function of the application, or are equal. */
export function createShares(plans: PlanResolver | undefined, share: ShareOption | undefined): Shares {
  if (plans !== undefined) return sharesOfPlans(plans);
  const ask = share === undefined ? () => EQUAL : checkedCallback(share, checkedShare);
  return { of: ask, close: () => undefined };
}

function sharesOfPlans(plans: PlanResolver): Shares {
  const close = plans.check(({ names, resolve }) => {
    const missing = names.find((name) => resolve(name).queue === undefined);
    if (missing === undefined) return;
    throw new ConfigError(`createQueue: plans: plan ${describeValue(missing)} has no queue section`);
  });
  return {
    of(tenantId) {
      const plan = plans.resolve(tenantId);
      // Every plan has the section: checked above, and before plans are replaced.
      return plan instanceof Promise ? plan.then(({ queue = EQUAL }) => queue) : (plan.queue ?? EQUAL);
    },
    close,
  };
}

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
