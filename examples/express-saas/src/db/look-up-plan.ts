import { eq } from "drizzle-orm";
import type { DatabaseConnection } from "./client.js";
import { tenants } from "./schema.js";

/**
 * Returns the plan of a tenant; `undefined` means that the tenant does not exist, which is refused with 403. The query runs
 * outside the tenant, because the concurrency of a tenant depends on the plan that is being looked up. A tenant that a replica
 * does not know may have just signed up: the primary decides.
 */
export function lookUpPlan(
  { db, outsideTenant, router }: Pick<DatabaseConnection, "db" | "outsideTenant" | "router">,
  tenantId: string,
): Promise<string | undefined> {
  return outsideTenant(() =>
    router.lookUp(async () => {
      const [tenant] = await db.select({ plan: tenants.plan }).from(tenants).where(eq(tenants.id, tenantId));
      return tenant?.plan;
    }),
  );
}
