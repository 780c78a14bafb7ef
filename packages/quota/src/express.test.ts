import { fromHeader, tenantGuard } from "@scale/http";
import { problemHandler, toExpress } from "@scale/http/express";
import { listen } from "@scale/http/testing";
import express from "express";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Closable, pgHarness } from "../scenarios/harness.js";
import { planResolver } from "../test/plans.js";
import { checkQuota, quotaStatus } from "./express.js";
import { rows, usage } from "./options.js";
import type { PgExecutor } from "./rows/pg.js";
import { createQuota } from "./quota.js";
import { memoryUsage } from "./usage/memory-store.js";

const server = inject("postgresUrl");
type Listening = Awaited<ReturnType<typeof listen>>;

describe.skipIf(!server)("quotas in Express", () => {
  let harness = {} as Closable<PgExecutor>;
  let app = {} as Listening;
  beforeAll(async () => {
    harness = await pgHarness(server, "quota_express");
    app = await listen(routes(harness));
  });
  afterAll(async () => {
    await app.close();
    await harness.close();
  });

  const create = (tenantId: string): Promise<Response> =>
    fetch(`${app.url}/contacts`, { method: "POST", headers: { "x-tenant-id": tenantId } });

  it("creates up to the limit under concurrent requests, and replies to the others with the upgrade", async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => create("free-express")));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(10);
    expect(statuses.filter((status) => status === 402)).toHaveLength(30);
    expect(await harness.count(harness.db, "free-express")).toBe(10);
    const refused = answers.find(({ status }) => status === 402);
    expect(refused?.headers.get("content-type")).toBe("application/problem+json");
    expect(await refused?.json()).toMatchObject({
      code: "SCALE_QUOTA",
      metric: "contacts",
      limit: 10,
      used: 10,
      upgrade: { from: "free", to: "pro", url: "https://app.test/upgrade?from=free&to=pro" },
    });
  });

  it("refuses before the handler runs when there is no room", async () => {
    await create("free-express");
    const response = await create("free-express");
    expect([response.status, response.headers.get("x-handled")]).toEqual([402, null]);
  });

  it("shows a tenant's quotas to requests that the application authorizes", async () => {
    const path = `${app.url}/api/admin/quotas/free-express`;
    expect((await fetch(path)).status).toBe(403);
    const response = await fetch(path, { headers: { authorization: "admin" } });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ metrics: { contacts: { used: 10, limit: 10, remaining: 0 } } });
  });

  it("passes other errors to the error handler", async () => {
    const response = await fetch(`${app.url}/broken`, { headers: { "x-tenant-id": "free-express" } });
    expect([response.status, await response.text()]).toEqual([418, "a mistake"]);
  });
});

function routes({ store, transaction, insert }: Closable<PgExecutor>): express.Express {
  const quota = createQuota({
    metrics: { contacts: rows(), deals: rows(), tokens: usage({ per: "month" }), calls: usage({ per: "month" }) },
    plans: planResolver(),
    rows: store,
    usage: memoryUsage(),
    subscription: () => ({ anchor: 0 }),
  });
  const app = express();
  const authorize = (facts: { header(name: string): string | undefined }): boolean =>
    facts.header("authorization") === "admin";
  app.get("/api/admin/quotas/:tenantId", quotaStatus(quota, { authorize }));
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  app.post("/contacts", checkQuota(quota, "contacts"), async (request, response) => {
    const tenantId = request.header("x-tenant-id") ?? "";
    response.setHeader("x-handled", "yes");
    await transaction(async (tx) => {
      await quota.use(tenantId, { contacts: 1 }, { tx });
      await insert(tx, tenantId, 1);
    });
    response.status(201).json({});
  });
  app.get("/broken", () => {
    throw new Error("a mistake");
  });
  app.use(problemHandler());
  // oxlint-disable-next-line max-params -- with three parameters Express treats it as a middleware of a route
  app.use((error: Error, _request: unknown, response: express.Response, _next: unknown) => {
    response.status(418).send(error.message);
  });
  return app;
}
