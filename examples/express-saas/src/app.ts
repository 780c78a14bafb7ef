import { type Clock, createPlanResolver } from "@scale/core";
import { clientIp, fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import type { BulkUsageStore } from "@scale/quota";
import type { RateLimitStore } from "@scale/rate-limit";
import { rateLimit } from "@scale/rate-limit/express";
import { eq } from "drizzle-orm";
import express, { type Express } from "express";
import { quotaAdmin } from "./admin.js";
import type { Database } from "./db/client.js";
import { countedRows } from "./db/counted-rows.js";
import { tenants } from "./db/schema.js";
import { tenantRows } from "./db/tenant-rows.js";
import { createLimiter } from "./limits.js";
import type { Metrics } from "./live/metrics.js";
import { livePage, measure } from "./live/routes.js";
import { NotFoundError, remainingProblems } from "./problems.js";
import { createCrmQuota } from "./quota.js";
import { contacts } from "./routes/contacts.js";
import { deals } from "./routes/deals.js";
import { sendEmail } from "./routes/email.js";
import { exportContacts } from "./routes/export.js";
import { invoices } from "./routes/invoices.js";
import { resourceRouter } from "./routes/resource.js";
import { searchContacts } from "./routes/search.js";
import { tasks } from "./routes/tasks.js";
import { plans } from "./scale.plan.js";

export interface AppOptions {
  readonly db: Database;
  /** Where rate limits are counted. */
  readonly store: RateLimitStore;
  /** Where e-mails are counted. */
  readonly usage: BulkUsageStore;
  /** Of who may see the quotas of any tenant. */
  readonly adminToken: string;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Gets every error that is not the client's. */
  readonly onError: (error: unknown) => void;
}

/** The CRM: who asks, may they, what they asked for. */
export function createApp({ db, store, usage, adminToken, metrics, clock, onError }: AppOptions): Express {
  const app = express().disable("x-powered-by");
  const resolver = createPlanResolver({ plans, lookup: (tenantId) => planOf(db, tenantId) });
  const limiter = createLimiter(resolver, store);
  const quota = createCrmQuota({ db, store: usage, plans: resolver });
  const counting = { quota, onCount: metrics.counted };

  // No tenant and no limit: the probe of a load balancer and the live page.
  app.get("/", (_request, response) => response.redirect("/scale"));
  app.get("/health", (_request, response) => void response.json({ status: "ok" }));
  app.use("/scale", livePage(metrics));
  app.get("/api/admin/quotas/:tenantId", quotaAdmin(quota, adminToken));

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
  // On top of the limits of every request.
  app.get("/contacts/export", rateLimit(limiter, { group: "export" }), exportContacts(db));
  app.get("/contacts/search", rateLimit(limiter, { group: "search" }), searchContacts(db));
  // After the limit: what is denied costs no parsing.
  app.use(express.json({ limit: "100kb" }));
  app.post("/contacts/:id/email", sendEmail(db, counting));
  app.use("/contacts", resourceRouter(contacts, countedRows(db, "contacts", counting)));
  app.use("/deals", resourceRouter(deals, countedRows(db, "deals", counting)));
  app.use("/invoices", resourceRouter(invoices, tenantRows(db, invoices.table)));
  app.use("/tasks", resourceRouter(tasks, tenantRows(db, tasks.table)));

  app.use(({ path }) => {
    throw new NotFoundError(`there is no ${path}`);
  });
  app.use(problemHandler());
  app.use(remainingProblems(onError));
  return app;
}

/** `undefined` for a tenant that does not exist: it is refused with 403. */
async function planOf(db: Database, tenantId: string): Promise<string | undefined> {
  const [tenant] = await db.select({ plan: tenants.plan }).from(tenants).where(eq(tenants.id, tenantId));
  return tenant?.plan;
}
