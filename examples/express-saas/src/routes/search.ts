import { or, type SQL, sql } from "drizzle-orm";
import type { PgColumn } from "drizzle-orm/pg-core";
import type { RequestHandler } from "express";
import { z } from "zod";
import type { Database } from "../db/client.js";
import { contacts } from "../db/schema.js";
import { tenantRows } from "../db/tenant-rows.js";
import { parseInput, text } from "./input.js";

const query = z.strictObject({ q: text(100) });

/** The newest ten contacts whose name or address has the text in it. */
export function searchContacts(db: Database): RequestHandler {
  const rows = tenantRows(db, contacts);
  return async (request, response) => {
    const { q } = parseInput(query, request.query);
    const has = (column: PgColumn): SQL => sql`position(lower(${q}) in lower(${column})) > 0`;
    response.json({ items: await rows.list({ limit: 10, where: or(has(contacts.name), has(contacts.email)) }) });
  };
}
