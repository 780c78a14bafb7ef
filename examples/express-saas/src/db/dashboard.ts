import { tenancy } from "@scale/core";
import { sql } from "drizzle-orm";
import { z } from "zod";
import type { Database } from "./client.js";

const sum = z.coerce.number();

/** Statistics of the dashboard. */
export const dashboardSchema = z.object({
  asOf: z.coerce.date(),
  contacts: z.int(),
  deals: z.object({ open: z.int(), won: z.int(), lost: z.int(), openCents: sum, wonCents: sum }),
  invoices: z.object({ unpaid: z.int(), unpaidCents: sum }),
  tasks: z.object({ open: z.int(), done: z.int() }),
});

export type DashboardStats = z.output<typeof dashboardSchema>;

/** Counts all rows of the current tenant. */
export async function readDashboard(db: Database): Promise<DashboardStats> {
  const { tenantId } = tenancy.require();
  const { rows } = await db.execute(sql`
    select now() as "asOf",
      (select count(*)::int from crm.contacts where tenant_id = ${tenantId}) as contacts,
      (select json_build_object(
          'open', count(*) filter (where stage = 'open'), 'won', count(*) filter (where stage = 'won'),
          'lost', count(*) filter (where stage = 'lost'),
          'openCents', coalesce(sum(amount_cents) filter (where stage = 'open'), 0),
          'wonCents', coalesce(sum(amount_cents) filter (where stage = 'won'), 0))
        from crm.deals where tenant_id = ${tenantId}) as deals,
      (select json_build_object('unpaid', count(*), 'unpaidCents', coalesce(sum(amount_cents), 0))
        from crm.invoices where tenant_id = ${tenantId} and status <> 'paid') as invoices,
      (select json_build_object('open', count(*) filter (where not done), 'done', count(*) filter (where done))
        from crm.tasks where tenant_id = ${tenantId}) as tasks`);
  return dashboardSchema.parse(rows[0]);
}
