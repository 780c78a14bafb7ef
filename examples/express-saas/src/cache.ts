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
  /** Second-level store that all processes share. Without it each process caches alone. */
  readonly store: CacheStore | undefined;
}

/** Newest rows that are cached per resource: one page of the default size. Later pages come from Postgres. */
export const RECENT_ROWS = 50;

/** Small on purpose: 50 tenants compete for it, which the live page shows. */
const MEMORY_BYTES = 3 * 1024 * 1024;

/** Restores dates, the only type of a row that JSON does not keep. */
const rowSchema = z.looseObject({ createdAt: z.coerce.date() });

/** Defines every cached value. Loaders run in the context of the tenant, as requests do. */
export function createCrmCache({ db, plans, store }: CrmCacheOptions) {
  // Cached values are loaded from the primary, once for all processes. A lagging replica could return the old row after an
  // invalidation, and the cache would keep that stale row for its whole TTL.
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
    // Counting all rows is slow, so a stale dashboard is served while a new one loads.
    freshness: { staleWhileRevalidate: "5m", grace: "1h" },
    format: { schema: dashboardSchema },
    tags: () => Object.keys(resources),
    load: () => readDashboard(source),
  });
  const search: Definition<string, Row[]> = cache.define({
    name: "contacts.search",
    key: (text: string) => text.toLowerCase(),
    ttl: "30s",
    format: { schema: z.array(rowSchema) },
    tags: () => ["contacts"],
    load: (text) => findContacts(source, text),
  });
  return { cache, resources, dashboard, search, warmers: createWarmers(cache, { ...resources, dashboard }) };
}

export type CrmCache = ReturnType<typeof createCrmCache>;
export type ResourceName = keyof CrmCache["resources"];

interface CachedResource {
  /** The newest rows, one more than `RECENT_ROWS`: the extra row shows whether another page follows. Tagged with `name`. */
  readonly recent: Definition<undefined, Row[]>;
  /** One row by its id. Tagged with `<name>.row`. */
  readonly row: Definition<number, Row | undefined>;
}

function defineResource(cache: Cache, source: Database, of: { name: string; table: TenantTable }): CachedResource {
  const rows = tenantRows(source, of.table);
  // Jitter spreads the expiry of rows that were filled together. When Postgres is slow or down, grace serves the old row.
  const freshness = { jitter: 0.1, grace: "10m", softTimeout: "250ms" } as const;
  return {
    recent: cache.define<undefined, Row[]>({
      name: of.name,
      key: () => "recent",
      ttl: "30s",
      freshness: { ...freshness, staleWhileRevalidate: "1m" },
      format: { schema: z.array(rowSchema) },
      tags: () => [of.name],
      load: () => rows.list({ limit: RECENT_ROWS + 1 }),
    }),
    row: cache.define<number, Row | undefined>({
      name: `${of.name}.row`,
      key: (id) => id,
      ttl: "1m",
      freshness: { ...freshness, negativeTtl: "5s" },
      format: { schema: rowSchema },
      tags: () => [`${of.name}.row`],
      load: (id) => rows.get(id),
    }),
  };
}

/** Entries that a tenant's users read first, for warming. */
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
