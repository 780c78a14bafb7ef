import { eq } from "drizzle-orm";
import type { DatabaseConnection } from "./client.js";
import { tenants } from "./schema.js";

/**
 * `undefined` for a tenant that does not exist: it is refused with 403. Apart from the request that needs the plan: a
 * statement of a tenant gets its place by the plan, which is only being looked up.
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
