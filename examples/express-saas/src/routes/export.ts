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
  /** Pause after each page, in seconds, to demonstrate concurrent exports. */
  pause: integerParam(z.int().min(0).max(10)).default(0),
});

/** Streams all contacts as JSON lines, page by page, so that at most one page is in memory. */
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
      // The end of the response tells the limiter that the slot is free.
      if (closed.aborted) break;
      // Both waits end when the client disconnects.
      if (!response.write(page)) await once(response, "drain", { signal: closed }).catch(() => undefined);
      if (pause > 0) await sleep(1000 * pause, undefined, { signal: closed }).catch(() => undefined);
    }
    response.end();
  };
}

/** Returns a signal that aborts when the client disconnects or the response is complete. */
function abortOnClose(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once("close", () => controller.abort());
  return controller.signal;
}
