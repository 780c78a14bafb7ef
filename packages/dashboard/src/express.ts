import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { factsFromNode } from "@scale/http/adapter";
import type { Next, NodeRequest } from "@scale/http/express";
import type { Dashboard } from "./dashboard.js";

/** Middleware for Express 5 and 4, Connect and plain `node:http`. */
export type DashboardMiddleware = (request: NodeRequest, response: ServerResponse, next: Next) => Promise<void>;

/** Serves the page. Mount it at the root: it answers below its own path, and lets every other request pass. */
export function dashboardRoutes(dashboard: Dashboard): DashboardMiddleware {
  return async (request, response, next) => {
    let answer: Response | undefined;
    try {
      answer = await dashboard.respond(factsFromNode(request));
    } catch (error) {
      return next(error);
    }
    if (answer === undefined) return next();
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (answer.body === null || request.method === "HEAD") {
      await answer.body?.cancel();
      return void response.end();
    }
    // A viewer that leaves cancels its stream; nothing is left to answer.
    await pipeline(Readable.from(answer.body), response).catch(() => undefined);
  };
}
