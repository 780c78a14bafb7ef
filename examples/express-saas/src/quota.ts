import type { PlanResolver } from "@scale/core";
import { createQuota, rows, usage, type UsageStore } from "@scale/quota";
import { drizzleRows } from "@scale/quota/drizzle";
import { eq } from "drizzle-orm";
import type { Database, RoutedDatabase } from "./db/client.js";
import { contacts, deals, SCHEMA } from "./db/schema.js";

export interface CrmQuotaOptions {
  readonly db: RoutedDatabase;
  /** Store of the e-mail counters. */
  readonly store: UsageStore;
  readonly plans: PlanResolver;
}

/** Start of the billing months. All tenants of the example share it; a product reads it from the tenant's subscription. */
const SUBSCRIBED = { anchor: new Date("2026-01-01T00:00:00Z") };

/** The quotas of the CRM. Rows are counted in the transaction that writes them, e-mails before they are sent. */
export function createCrmQuota({ db, store, plans }: CrmQuotaOptions) {
  return createQuota({
    metrics: {
      // `count` runs once per tenant, to count the rows that exist before the first use.
      contacts: rows({ count: async (tenantId, tx: Database) => tx.$count(contacts, eq(contacts.tenantId, tenantId)) }),
      deals: rows({ count: async (tenantId, tx: Database) => tx.$count(deals, eq(deals.tenantId, tenantId)) }),
      emails: usage({ unit: "e-mails", per: "month" }),
    },
    plans,
    // Row counters change in the caller's transaction on the primary, and are read from the primary outside one.
    rows: drizzleRows<Database>({ db: db.$primary, schema: SCHEMA }),
    usage: store,
    subscription: () => SUBSCRIBED,
    // While Redis is down e-mails are sent beyond the limit too: a few extra e-mails cost less than sending none.
    whenUsageFails: { hard: "allow", soft: "allow" },
  });
}

export type CrmQuota = ReturnType<typeof createCrmQuota>;

/** Usage of a tenant after a change. */
export interface QuotaUpdate {
  readonly tenantId: string;
  readonly metric: "contacts" | "deals" | "emails";
  /** `undefined` when units were given back, which does not involve a plan. */
  readonly plan: string | undefined;
  /** `undefined` when the metric is not counted, as on a plan without a limit. */
  readonly used: number | undefined;
}

/** The quota, with a listener for the live page. */
export interface QuotaCounting {
  readonly quota: CrmQuota;
  /** Called after every change of a counter. */
  readonly onCount: (count: QuotaUpdate) => void;
}
