import type { Clock, PlanResolver } from "@scale/core";
import { dbSession } from "@scale/db-router/express";
import { clientIp, fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import type { BulkUsageStore } from "@scale/quota";
import type { RateLimitStore } from "@scale/rate-limit";
import { rateLimit } from "@scale/rate-limit/express";
import express, { type Express } from "express";
import { cacheAdmin, databaseAdmin, health, quotaAdmin } from "./admin.js";
import type { CrmCache, ResourceName } from "./cache.js";
import { cachedRows } from "./db/cached-rows.js";
import type { DatabaseConnection } from "./db/client.js";
import { countedRows } from "./db/counted-rows.js";
import { type TenantRows, tenantRows } from "./db/tenant-rows.js";
import { createLimiter } from "./limits.js";
import type { Metrics } from "./live/metrics.js";
import { livePage, measure } from "./live/routes.js";
import { NotFoundError, errorResponses, unwrapDrizzle } from "./problems.js";
import { createCrmQuota } from "./quota.js";
import { contacts } from "./routes/contacts.js";
import { showDashboard } from "./routes/dashboard.js";
import { deals } from "./routes/deals.js";
import { sendEmail } from "./routes/email.js";
import { exportContacts } from "./routes/export.js";
import { invoices } from "./routes/invoices.js";
import { createListPages } from "./routes/list-pages.js";
import { resourceRouter } from "./routes/resource.js";
import { searchContacts } from "./routes/search.js";
import { tasks } from "./routes/tasks.js";
import { warmOnArrival } from "./warm-on-arrival.js";

export interface AppOptions {
  readonly database: Pick<DatabaseConnection, "db" | "router">;
  /** Where rate limits are counted. */
  readonly store: RateLimitStore;
  /** Where e-mails are counted. */
  readonly usage: BulkUsageStore;
  readonly plans: PlanResolver;
  readonly crm: CrmCache;
  /** Signs the cursors of lists. */
  readonly secret: string;
  /** Of who may see the quotas of any tenant, and empty its cache. */
  readonly adminToken: string;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Gets every error that is not the client's. */
  readonly onError: (error: unknown) => void;
}

/** The CRM: who asks, may they, what they asked for. */
export function createApp(options: AppOptions): Express {
  const { database, store, usage, plans, secret, crm, adminToken, metrics, clock, onError } = options;
  const { db, router } = database;
  const app = express().disable("x-powered-by");
  const limiter = createLimiter(plans, store);
  const quota = createCrmQuota({ db, store: usage, plans });
  const quotaCounting = { quota, onCount: metrics.recordQuota };
  const pages = createListPages(plans, secret);
  const cached = (name: ResourceName, rows: TenantRows) => ({ rows: cachedRows(rows, crm, name), pages });

  // No tenant and no limit: the probe of a load balancer and the live page.
  app.get("/", (_request, response) => response.redirect("/scale"));
  app.get("/health", health(router));
  app.use("/scale", livePage(metrics));
  app.get("/api/admin/quotas/:tenantId", quotaAdmin(quota, adminToken));
  app.use("/api/admin/database", databaseAdmin(router, adminToken));
  app.use("/api/admin/cache", cacheAdmin(crm, plans, adminToken));

  app.use(measure(metrics, clock));
  app.use(
    toExpress(
      tenantGuard({
        // For trying it out: anybody may say who they are. Behind a login it is `fromClaim({ verify, claim: "tenant" })`.
        resolve: fromHeader("x-tenant-id"),
        user: fromHeader("x-user-id"),
        // Nobody stands in front of this process, so what X-Forwarded-For says was written by the client.
        ip: clientIp({ trust: "none" }),
      }),
    ),
  );
  app.use(rateLimit(limiter));
  // A client sees what it wrote with its earlier requests, whichever process and server of the database answered them. The
  // cookie is not for https alone, since this is http on loopback.
  app.use(dbSession(router, { cookie: { isSecure: false } }));
  app.use(warmOnArrival({ warmers: crm.warmers, clock, onWarmed: metrics.recordWarming, onError }));
  // On top of the limits of every request.
  app.get("/contacts/export", rateLimit(limiter, { group: "export" }), exportContacts(db));
  app.get("/contacts/search", rateLimit(limiter, { group: "search" }), searchContacts(db, crm));
  // After the limit: what is denied costs no parsing.
  app.use(express.json({ limit: "100kb" }));
  app.post("/contacts/:id/email", sendEmail(db, quotaCounting));
  app.get("/api/dashboard", showDashboard(crm));
  app.use("/contacts", resourceRouter(contacts, cached("contacts", countedRows(db, "contacts", quotaCounting))));
  app.use("/deals", resourceRouter(deals, cached("deals", countedRows(db, "deals", quotaCounting))));
  app.use("/invoices", resourceRouter(invoices, cached("invoices", tenantRows(db, invoices.table))));
  app.use("/tasks", resourceRouter(tasks, cached("tasks", tenantRows(db, tasks.table))));

  app.use(({ path }) => {
    throw new NotFoundError(`there is no ${path}`);
  });
  app.use(unwrapDrizzle);
  app.use(problemHandler());
  app.use(errorResponses(onError));
  return app;
}
