import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { RequestHandler, Response } from "express";
import { z } from "zod";
import type { Database } from "../db/client.js";
import { contacts } from "../db/schema.js";
import { tenantRows } from "../db/tenant-rows.js";
import { integerParam, parseInput } from "./input.js";

const PAGE = 50;

const query = z.strictObject({
  /** Seconds that each page takes, for seeing what happens to those that run at the same time. */
  pause: integerParam(z.int().min(0).max(10)).default(0),
});

/** All contacts, a line of JSON each, page by page: at no time more than a page is in memory. */
export function exportContacts(db: Database): RequestHandler {
  const rows = tenantRows(db, contacts);

  async function* pages(): AsyncGenerator<string> {
    let after: number | undefined;
    for (;;) {
      const page = await rows.list({ limit: PAGE, after });
      if (page.length > 0) yield page.map((row) => `${JSON.stringify(row)}\n`).join("");
      if (page.length < PAGE) return;
      after = Number(page.at(-1)?.["id"]);
    }
  }

  return async (request, response) => {
    const { pause } = parseInput(query, request.query);
    const closed = abortOnClose(response);
    response.type("application/x-ndjson");
    for await (const page of pages()) {
      if (closed.aborted) return;
      // A client that leaves ends both waits.
      if (!response.write(page)) await once(response, "drain", { signal: closed }).catch(() => undefined);
      if (pause > 0) await sleep(1000 * pause, undefined, { signal: closed }).catch(() => undefined);
    }
    response.end();
  };
}

/** Aborts when the client leaves, or has its answer. */
function abortOnClose(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}
