import { eq } from "drizzle-orm";
import type { DatabaseConnection } from "./client.js";
import { tenants } from "./schema.js";

/**
 * Returns the plan of a tenant; `undefined` means that the tenant does not exist, which is refused with 403. The query runs
 * outside the tenant, because the concurrency of a tenant depends on the plan that is being looked up.
 */
export function lookUpPlan(
  { db, outsideTenant }: Pick<DatabaseConnection, "db" | "outsideTenant">,
  tenantId: string,
): Promise<string | undefined> {
  return outsideTenant(async () => {
    const [tenant] = await db.select({ plan: tenants.plan }).from(tenants).where(eq(tenants.id, tenantId));
    return tenant?.plan;
  });
}
