import { type Clock, createPlanResolver } from "@scale/core";
import { clientIp, fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import { createRateLimiter, type RateLimiter, type RateLimitStore } from "@scale/rate-limit";
import { rateLimit } from "@scale/rate-limit/express";
import { eq } from "drizzle-orm";
import express, { type Express } from "express";
import type { Database } from "./db/client.js";
import { tenants } from "./db/schema.js";
import type { Metrics } from "./live/metrics.js";
import { livePage, measure } from "./live/routes.js";
import { NotFoundError, remainingProblems } from "./problems.js";
import { contacts } from "./routes/contacts.js";
import { deals } from "./routes/deals.js";
import { invoices } from "./routes/invoices.js";
import { resourceRouter } from "./routes/resource.js";
import { tasks } from "./routes/tasks.js";
import { plans } from "./scale.plan.js";

export interface AppOptions {
  readonly db: Database;
  /** Where rate limits are counted. */
  readonly store: RateLimitStore;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Gets every error that is not the client's. */
  readonly onError: (error: unknown) => void;
}

/** The CRM: who asks, may they, what they asked for. */
export function createApp({ db, store, metrics, clock, onError }: AppOptions): Express {
  const app = express().disable("x-powered-by");
  // No tenant and no limit: the probe of a load balancer and the live page.
  app.get("/", (_request, response) => response.redirect("/scale"));
  app.get("/health", (_request, response) => void response.json({ status: "ok" }));
  app.use("/scale", livePage(metrics));

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
  app.use(rateLimit(createLimiter(db, store)));
  // After the limit: what is denied costs no parsing.
  app.use(express.json({ limit: "100kb" }));
  app.use("/contacts", resourceRouter(db, contacts));
  app.use("/deals", resourceRouter(db, deals));
  app.use("/invoices", resourceRouter(db, invoices));
  app.use("/tasks", resourceRouter(db, tasks));

  app.use(({ path }) => {
    throw new NotFoundError(`there is no ${path}`);
  });
  app.use(problemHandler());
  app.use(remainingProblems(onError));
  return app;
}

function createLimiter(db: Database, store: RateLimitStore): RateLimiter {
  return createRateLimiter({
    plans: createPlanResolver({ plans, lookup: (tenantId) => planOf(db, tenantId) }),
    store,
    // Without Redis each process decides by its share of every limit. `allow` would leave the database unprotected when
    // there is trouble already, `deny` and `throw` would turn trouble in Redis into an outage of the product.
    whenStoreFails: "local",
    // How many processes share the limits. This is the only one, so its share is the whole limit.
    instances: 1,
  });
}

/** `undefined` for a tenant that does not exist: it is refused with 403. */
async function planOf(db: Database, tenantId: string): Promise<string | undefined> {
  const [tenant] = await db.select({ plan: tenants.plan }).from(tenants).where(eq(tenants.id, tenantId));
  return tenant?.plan;
}
