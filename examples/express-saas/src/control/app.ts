import { fromHeader, tenantGuard } from "@scale/http";
import { toExpress } from "@scale/http/express";
import express, { type ErrorRequestHandler, type Express } from "express";
import type { Database } from "../db/client.js";
import { readDashboard } from "../db/dashboard.js";
import { contacts, deals, invoices, tasks } from "../db/schema.js";
import { findContacts, tenantRows } from "../db/tenant-rows.js";
import { exportContacts } from "../routes/export.js";

export interface ControlOptions {
  readonly db: Database;
  /** URL of the service of exchange rates. */
  readonly ratesUrl: string;
}

const RESOURCES = { contacts, deals, invoices, tasks } as const;
const PAGE = 20;

/**
 * The reads of the CRM without what the packages add: the same queries, on the primary, for every request. No limits, shedding,
 * cache, replicas, breaker or timeout. The live page shows its latency beside that of the app.
 */
export function createControlApp({ db, ratesUrl }: ControlOptions): Express {
  const app = express().disable("x-powered-by");
  // The queries need to know the tenant: this is not what is compared.
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  app.get("/contacts/export", exportContacts(db));
  app.get("/contacts/search", async ({ query }, response) => {
    const { q } = query;
    response.json({ items: await findContacts(db, typeof q === "string" ? q : "") });
  });
  app.get("/api/dashboard", async (_request, response) => void response.json(await readDashboard(db)));
  app.get("/api/rates", async (_request, response) => void response.json(await (await fetch(ratesUrl)).json()));
  for (const [name, table] of Object.entries(RESOURCES)) {
    const rows = tenantRows(db, table);
    app.get(`/${name}`, async (_request, response) => void response.json({ items: await rows.list({ limit: PAGE }) }));
    app.get(`/${name}/:id`, async ({ params }, response) => void response.json(await rows.get(Number(params["id"]))));
  }
  app.use(serverError);
  return app;
}

// oxlint-disable-next-line max-params -- Express recognises error middleware by its four parameters
const serverError: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent) next(error);
  else response.status(500).json({ title: "Internal Server Error", status: 500 });
};
