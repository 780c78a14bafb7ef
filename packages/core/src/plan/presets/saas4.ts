import { definePlans } from "../define.js";
import type { PlanInput, Plans } from "../types.js";

/** Requests per tenant in 15 minutes. */
const perQuarterHour = (limit: number): PlanInput<never> => ({
  rateLimit: { rules: { tenant: { limit, window: "15m" } } },
});

type Spellings<Name extends string> = Uppercase<Name> | Capitalize<Name>;
type Alias = Spellings<"free" | "basic" | "professional" | "enterprise" | "pro"> | "pro";

/**
 * Four plans to start from: free 500, basic 2,000, professional 5,000 and enterprise 20,000 requests per 15 minutes.
 * Upper case, capitalised names and `pro` are aliases.
 */
export const saas4: Plans<"free" | "basic" | "professional" | "enterprise", never, Alias> = definePlans(
  {
    free: perQuarterHour(500),
    basic: perQuarterHour(2000),
    professional: perQuarterHour(5000),
    enterprise: perQuarterHour(20_000),
  },
  {
    aliases: {
      FREE: "free",
      Free: "free",
      BASIC: "basic",
      Basic: "basic",
      PROFESSIONAL: "professional",
      Professional: "professional",
      PRO: "professional",
      Pro: "professional",
      pro: "professional",
      ENTERPRISE: "enterprise",
      Enterprise: "enterprise",
    },
  },
);
