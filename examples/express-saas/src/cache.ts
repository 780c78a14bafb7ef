import {
  budgetsFromPlans,
  type Cache,
  type CacheStore,
  createCache,
  createTenantWarmers,
  type Definition,
} from "@scale/cache";
import type { PlanResolver } from "@scale/core";
import { z } from "zod";
import type { Database, RoutedDatabase } from "./db/client.js";
import { dashboardSchema, type DashboardStats, readDashboard } from "./db/dashboard.js";
import { contacts, deals, invoices, tasks } from "./db/schema.js";
import { findContacts, type Row, tenantRows, type TenantTable } from "./db/tenant-rows.js";

export interface CrmCacheOptions {
  readonly db: RoutedDatabase;
  readonly plans: PlanResolver;
  /** Where all processes share entries. Without it this one caches alone. */
  readonly store: CacheStore | undefined;
}

/** The rows of a first page that comes from here: as many as a list has by default. Further ones come from Postgres. */
export const RECENT_ROWS = 50;

/** Little, so that 50 tenants have to share it: see the page. */
const MEMORY_BYTES = 3 * 1024 * 1024;

/** What JSON does not bring back. All else of a row is text, numbers and booleans. */
const rowSchema = z.looseObject({ createdAt: z.coerce.date() });

/** What a tenant reads again and again. Loaders run for the tenant, as requests do. */
export function createCrmCache({ db, plans, store }: CrmCacheOptions) {
  // Everything that is kept is loaded from the primary, once for all processes. A replica may be behind: after a change, of
  // whatever process, the old row would be loaded from there once more, and then be kept for as long as a row is.
  const source = db.$primary;
  const cache = createCache({
    ...(store !== undefined && { store }),
    memory: { maxBytes: MEMORY_BYTES, budgets: budgetsFromPlans(plans) },
    staleness: { bound: "3s" },
  });
  const resources = {
    contacts: defineResource(cache, source, { name: "contacts", table: contacts }),
    deals: defineResource(cache, source, { name: "deals", table: deals }),
    invoices: defineResource(cache, source, { name: "invoices", table: invoices }),
    tasks: defineResource(cache, source, { name: "tasks", table: tasks }),
  };
  const dashboard: Definition<undefined, DashboardStats> = cache.define({
    name: "dashboard",
    key: () => "all",
    ttl: "15s",
    // Counting everything is slow: nobody waits for it who has seen the page before.
    staleWhileRevalidate: "5m",
    grace: "1h",
    schema: dashboardSchema,
    tags: () => Object.keys(resources),
    load: () => readDashboard(source),
  });
  const search: Definition<string, Row[]> = cache.define({
    name: "contacts.search",
    key: (text: string) => text.toLowerCase(),
    ttl: "30s",
    schema: z.array(rowSchema),
    tags: () => ["contacts"],
    load: (text) => findContacts(source, text),
  });
  return { cache, resources, dashboard, search, warmers: createWarmers(cache, { ...resources, dashboard }) };
}

export type CrmCache = ReturnType<typeof createCrmCache>;
export type ResourceName = keyof CrmCache["resources"];

interface CachedResource {
  /** The newest rows, one more than `RECENT`, which tells whether more follow. It has the tag `name`. */
  readonly recent: Definition<undefined, Row[]>;
  /** One row by its id. It has the tag `<name>.row`. */
  readonly row: Definition<number, Row | undefined>;
}

function defineResource(cache: Cache, source: Database, of: { name: string; table: TenantTable }): CachedResource {
  const rows = tenantRows(source, of.table);
  // Rows that were filled together do not end together. When Postgres is slow or gone, an old row is better than none.
  const common = { jitter: 0.1, grace: "10m", timeouts: { soft: "250ms" } } as const;
  return {
    recent: cache.define<undefined, Row[]>({
      ...common,
      name: of.name,
      key: () => "recent",
      ttl: "30s",
      staleWhileRevalidate: "1m",
      schema: z.array(rowSchema),
      tags: () => [of.name],
      load: () => rows.list({ limit: RECENT_ROWS + 1 }),
    }),
    row: cache.define<number, Row | undefined>({
      ...common,
      name: `${of.name}.row`,
      key: (id) => id,
      ttl: "1m",
      negativeTtl: "5s",
      schema: rowSchema,
      tags: () => [`${of.name}.row`],
      load: (id) => rows.get(id),
    }),
  };
}

/** What a tenant's users see first. */
function createWarmers(
  cache: Cache,
  of: Record<"contacts" | "deals" | "invoices" | "tasks", CachedResource> & {
    dashboard: Definition<undefined, DashboardStats>;
  },
) {
  const one = (): [undefined] => [undefined];
  return createTenantWarmers(cache, {
    dashboard: [of.dashboard, one],
    contacts: [of.contacts.recent, one],
    deals: [of.deals.recent, one],
    invoices: [of.invoices.recent, one],
    tasks: [of.tasks.recent, one],
  });
}
