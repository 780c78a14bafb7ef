import type { RequestHandler } from "express";
import { z } from "zod";
import type { CrmCache } from "../cache.js";
import type { CacheRead } from "../db/cached-rows.js";
import type { Database } from "../db/client.js";
import { findContacts, type Row } from "../db/tenant-rows.js";
import { setCacheStatus } from "./cache-headers.js";
import { parseInput, boundedText } from "./input.js";

const query = z.strictObject({ q: boundedText(100) });

/** Short prefixes are shared by many searches and are worth caching. Longer terms are rarely searched twice. */
const CACHED_LETTERS = 3;

/** Serves the ten newest contacts whose name or e-mail address contains the text. */
export function searchContacts(db: Database, { cache, search }: CrmCache): RequestHandler {
  async function find(text: string): Promise<CacheRead<Row[]>> {
    if (text.length <= CACHED_LETTERS) return cache.tenant().getWithInfo(search, text);
    return { value: await findContacts(db, text), source: "bypass", isStale: false };
  }

  return async (request, response) => {
    const { q } = parseInput(query, request.query);
    response.json({ items: setCacheStatus(response, await find(q)) });
  };
}
