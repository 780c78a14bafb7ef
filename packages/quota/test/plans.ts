import { createPlanResolver, definePlans, hard, type PlanResolver, soft, unlimited } from "@scale/core";

/** Three plans over two metrics of rows and two of usage. The first part of a tenant id is its plan: `free-1`. */
export function planResolver(overrides: Readonly<Record<string, string>> = {}): PlanResolver {
  return createPlanResolver({
    plans: definePlans(
      {
        free: { quota: { contacts: hard(10), deals: hard(5), tokens: hard(1000), calls: soft(10, { overage: 0.5 }) } },
        pro: { quota: { contacts: soft(20, { overage: 0.1 }), deals: hard(50), tokens: hard(5000), calls: soft(100) } },
        max: { quota: { contacts: unlimited(), deals: unlimited(), tokens: unlimited(), calls: unlimited() } },
      },
      { upgradeUrl: ({ from, to }) => `https://app.test/upgrade?from=${from}&to=${to}` },
    ),
    lookup: (tenantId) => overrides[tenantId] ?? tenantId.split("-")[0],
  });
}
