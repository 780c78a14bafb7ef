import { definePlans, type PlanInput } from "@scale/core";

/** What a tenant gets for its plan. The one place to look at, and to change, when a customer asks what is included. */
export const plans = definePlans({
  free: plan({ perQuarterHour: 500, perUser: 250, perSecond: 3 }),
  basic: plan({ perQuarterHour: 2000, perUser: 1000, perSecond: 8 }),
  professional: plan({ perQuarterHour: 5000, perUser: 2500, perSecond: 15 }),
  enterprise: plan({ perQuarterHour: 20_000, perUser: 5000, perSecond: 60 }),
});

interface Requests {
  /** Of the whole tenant in 15 minutes. */
  perQuarterHour: number;
  /** Of one user in 15 minutes: nobody uses up the allowance of all colleagues. */
  perUser: number;
  /** Of the whole tenant in a second, twice as many after a pause: smooths what the long windows would let through. */
  perSecond: number;
}

function plan({ perQuarterHour, perUser, perSecond }: Requests): PlanInput {
  return {
    rateLimit: {
      rules: {
        tenant: { limit: perQuarterHour, window: "15m" },
        user: { limit: perUser, window: "15m" },
        "tenant-second": { limit: perSecond, window: "1s", burst: 2 * perSecond, by: "tenant" },
      },
    },
  };
}
