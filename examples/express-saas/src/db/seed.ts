import { sql } from "drizzle-orm";
import type { plans } from "../scale.plan.js";
import type { Database } from "./client.js";
import { tenants } from "./schema.js";

export interface SeededTenant {
  readonly id: string;
  readonly name: string;
  readonly plan: (typeof plans.names)[number];
}

const FIRST = ["Amber", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Harbor", "Iris", "Juniper"] as const;
const SECOND = ["Labs", "Foods", "Motors", "Studio", "Works"] as const;
const PLANS = ["enterprise", "professional", "basic", "free", "free"] as const;

/** The same 50 tenants every time: `amber-labs` is on enterprise, `delta-labs` on free. */
export const seededTenants: readonly SeededTenant[] = SECOND.flatMap((second) =>
  FIRST.map((first, i) => ({
    id: `${first}-${second}`.toLowerCase(),
    name: `${first} ${second}`,
    plan: PLANS[i % PLANS.length] ?? "free",
  })),
);

/** Seeds an empty database with the tenants, 100 contacts each, and their deals, invoices and tasks. */
export async function seed(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    // A second process waits here until the first one commits, and then inserts nothing.
    const added = await tx
      .insert(tenants)
      .values([...seededTenants])
      .onConflictDoNothing()
      .returning({ id: tenants.id });
    if (added.length === 0) return;
    await tx.execute(contactRows);
    await tx.execute(dealRows);
    await tx.execute(invoiceRows);
    await tx.execute(taskRows);
  });
}

// The server generates the rows from row numbers: one statement per table, and the same rows every time.
const contactRows = sql`
  insert into crm.contacts (tenant_id, name, email, company)
  select tenants.id, person || ' ' || n, lower(person) || n || '@' || tenants.id || '.example', company
  from crm.tenants,
    generate_series(1, 100) as n,
    lateral (select (array['Ada', 'Ben', 'Chloe', 'Dev', 'Elif', 'Femi', 'Gita'])[1 + n % 7] as person,
                    (array['Northwind', 'Contoso', 'Initech'])[1 + n % 4] as company) as made
  order by tenants.id, n`;

const dealRows = sql`
  insert into crm.deals (tenant_id, contact_id, title, stage, amount_cents)
  select tenant_id, id, (array['Renewal', 'Upgrade', 'Pilot'])[1 + id % 3] || ' for ' || name,
         (array['open', 'won', 'lost'])[1 + id % 3], 10000 + id * 7919 % 490000
  from crm.contacts where id % 2 = 0 order by id`;

const invoiceRows = sql`
  insert into crm.invoices (tenant_id, deal_id, status, amount_cents, due_on)
  select tenant_id, id, (array['draft', 'sent', 'paid'])[1 + id % 3], amount_cents, date '2026-01-01' + (id % 365)::int
  from crm.deals where id % 2 = 0 order by id`;

const taskRows = sql`
  insert into crm.tasks (tenant_id, contact_id, title, done, due_on)
  select tenant_id, id, 'Call ' || name, id % 3 = 0, date '2026-01-01' + (id % 365)::int
  from crm.contacts order by id`;
