import type { Clock, PlanResolver } from "@scale/core";
import type { Dashboard } from "@scale/dashboard";
import { dashboardRoutes } from "@scale/dashboard/express";
import { dbSession } from "@scale/db-router/express";
import { requireFlag } from "@scale/flags/express";
import type { Health } from "@scale/health";
import { clientIp, fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import type { Metrics } from "@scale/metrics";
import { metricsAdmin, metricsMiddleware } from "@scale/metrics/express";
import type { RateLimitStore } from "@scale/rate-limit";
import { rateLimit } from "@scale/rate-limit/express";
import type { Shedder } from "@scale/shed";
import { shed } from "@scale/shed/express";
import express, { type Express, type RequestHandler } from "express";
import { adminOnly, cacheAdmin, databaseAdmin, healthProbes, quotaAdmin } from "./admin.js";
import type { CrmCache, ResourceName } from "./cache.js";
import { cachedRows } from "./db/cached-rows.js";
import type { DatabaseConnection } from "./db/client.js";
import { countedRows } from "./db/counted-rows.js";
import { type TenantRows, tenantRows } from "./db/tenant-rows.js";
import { degradationAdmin, type RatesParts } from "./degradation.js";
import type { CrmFlags } from "./flags.js";
import { limitStrangers } from "./guards/address-limit.js";
import { allowHosts } from "./guards/hosts.js";
import type { CrmJobs } from "./jobs/start.js";
import { createLimiter } from "./limits.js";
import type { LiveFacts } from "./live/live-facts.js";
import type { OperatorLogin } from "./live/operator-login.js";
import type { CrmHub } from "./notifications/hub.js";
import { notificationStream } from "./notifications/stream.js";
import { NotFoundError, errorResponses, unwrapDrizzle } from "./problems.js";
import type { CrmQuota } from "./quota.js";
import { contacts } from "./routes/contacts.js";
import { showDashboard } from "./routes/dashboard.js";
import { showLeaderboard } from "./routes/leaderboard.js";
import { deals } from "./routes/deals.js";
import { sendEmail } from "./routes/email.js";
import { exportContacts } from "./routes/export.js";
import { invoices } from "./routes/invoices.js";
import { createListPages } from "./routes/list-pages.js";
import { showRates } from "./routes/rates.js";
import { resourceRouter } from "./routes/resource.js";
import { searchContacts } from "./routes/search.js";
import { tasks } from "./routes/tasks.js";
import { priorityOf } from "./shedding.js";
import { warmOnArrival } from "./warm-on-arrival.js";

export interface AppOptions {
  readonly database: Pick<DatabaseConnection, "db" | "router">;
  /** Store of the rate limit counters. */
  readonly store: RateLimitStore;
  readonly quota: CrmQuota;
  readonly plans: PlanResolver;
  readonly crm: CrmCache;
  readonly flags: CrmFlags;
  readonly rates: RatesParts;
  readonly shedder: Shedder;
  readonly health: Health;
  readonly jobs: CrmJobs;
  readonly hub: CrmHub;
  /** Signs the cursors of lists. */
  readonly secret: string;
  /** Bearer token for the admin routes. */
  readonly adminToken: string;
  /** Hosts that are served, without ports. */
  readonly hosts: readonly string[];
  readonly metrics: Metrics;
  readonly facts: LiveFacts;
  readonly dashboard: Dashboard;
  readonly login: OperatorLogin;
  readonly clock: Clock;
  /** Receives every error that is not the client's fault. */
  readonly onError: (error: unknown) => void;
}

/** The CRM API: tenant resolution, load shedding, rate limits, sessions, cache warming, then the routes. */
export function createApp(options: AppOptions): Express {
  const { database, store, quota, plans, secret, crm, flags, rates, shedder, health, jobs, hub } = options;
  const { adminToken, hosts, metrics, facts, dashboard, login, clock, onError } = options;
  const { db, router } = database;
  const app = express().disable("x-powered-by");
  const limiter = createLimiter(plans, store);
  const quotaCounting = { quota, onCount: facts.recordQuota };
  const counted = { ...quotaCounting, onInsert: jobs.record };
  const cached = (name: ResourceName, rows: TenantRows) => ({
    rows: cachedRows(rows, crm, name),
    pages: createListPages(plans, { list: name, secret }),
  });

  app.use(allowHosts(hosts));
  // Without tenant and limit, and never shed: health probes, live page and admin routes.
  app.get("/", (_request, response) => response.redirect("/scale"));
  app.use(healthProbes(health, adminToken));
  app.use(login.routes);
  app.use(dashboardRoutes(dashboard));
  app.use(metricsAdmin(metrics, { authorize: login.isOperator }));
  app.get("/api/admin/quotas/:tenantId", quotaAdmin(quota, adminToken));
  app.use("/api/admin/database", databaseAdmin(router, adminToken));
  app.use("/api/admin/cache", cacheAdmin(crm, plans, adminToken));
  app.get("/api/admin/jobs", adminOnly(adminToken), (_request, response) => void response.json(jobs.state()));
  app.use("/api/degradation", degradationAdmin({ rates, flags, shedder, jobs }, adminToken));

  const strangers = limitStrangers();
  const tenant = toExpress(
    tenantGuard({
      // For the demo, any client may name its tenant. With a login, use `fromClaim({ verify, claim: "tenant" })`.
      resolve: fromHeader("x-tenant-id"),
      user: fromHeader("x-user-id"),
      // There is no proxy in front of this process, so X-Forwarded-For was written by the client.
      ip: clientIp({ trust: "none" }),
    }),
  );
  // Limited when it begins. Not measured: it lasts as long as its client stays.
  app.get("/api/notifications/stream", strangers, tenant, rateLimit(limiter), notificationStream(hub));
  app.use(recordStatus(facts));
  // Limits by address come before the tenant is known, limits by tenant after it.
  app.use(strangers, tenant);
  app.use(metricsMiddleware(metrics));
  // Before all that does work, the limiter included: a refusal must cost next to nothing.
  app.use(shed(shedder, { priority: priorityOf }));
  // The demo has no login, and shows limits to every client. With one, the default shows them to authenticated clients.
  app.use(rateLimit(limiter, { showLimits: "always" }));
  // Read-your-writes: a client sees its earlier writes, whichever process and database server handled them. The cookie is
  // not `Secure`, since the example serves plain http on loopback.
  app.use(dbSession(router, { cookie: { isSecure: false } }));
  const isEnabled = (): boolean => flags.get("warming");
  app.use(warmOnArrival({ warmers: crm.warmers, isEnabled, clock, onWarmed: facts.recordWarming, onError }));
  // Group limits apply in addition to the limits of every request.
  app.use("/contacts/export", requireFlag(flags, "exports"));
  app.get("/contacts/export", rateLimit(limiter, { group: "export", showLimits: "always" }), exportContacts(db));
  app.get("/contacts/search", rateLimit(limiter, { group: "search", showLimits: "always" }), searchContacts(db, crm));
  // After the limiter: a denied request costs no parsing.
  app.use(express.json({ limit: "100kb" }));
  app.post("/contacts/:id/email", sendEmail(db, quotaCounting));
  app.get("/api/dashboard", showDashboard(crm));
  app.get("/api/leaderboard", showLeaderboard(db));
  app.get("/api/rates", showRates(rates.client));
  app.use("/contacts", resourceRouter(contacts, cached("contacts", countedRows(db, "contacts", counted))));
  app.use("/deals", resourceRouter(deals, cached("deals", countedRows(db, "deals", counted))));
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

/** Records the status of every response, those to requests without a tenant included. */
const recordStatus =
  (facts: LiveFacts): RequestHandler =>
  (_request, response, next) => {
    response.once("finish", () => facts.recordResponse(response.statusCode));
    next();
  };
