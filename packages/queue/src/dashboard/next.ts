import { createBullBoard } from "@bull-board/api";
import { HonoAdapter } from "@bull-board/hono";
import { serveStatic } from "@hono/node-server/serve-static";
import { toFetch } from "@scale/http/fetch";
import { Hono } from "hono";
import { createGate } from "./access.js";
import { QueueAdapter } from "./adapter.js";
import { parseDashboardOptions, type QueueDashboardOptions } from "./options.js";

export type { DashboardQueue, QueueDashboardOptions } from "./options.js";
export type { Redact, ShownJob } from "./redact.js";
export type { Authorize, QueueAccess } from "../http/access.js";

/**
 * bull-board as a handler of fetch requests, for senders that the application authorizes: in Next's App Router the `GET` of
 * `app/admin/queues/[[...path]]/route.ts`, with `runtime = "nodejs"`. It only shows jobs: those of the sender's tenants, with
 * masked data. A built Next app needs `serverExternalPackages: ["@bull-board/api", "@bull-board/hono", "@bull-board/ui", "ejs"]`,
 * and `outputFileTracingIncludes` of the files of `@bull-board/ui`.
 * @throws {ConfigError} without `authorize`, and for every other wrong option
 */
export function queueDashboard(options: QueueDashboardOptions): (request: Request) => Promise<Response> {
  const { queues, path, redact, title, ...rest } = parseDashboardOptions(options);
  const gate = createGate(rest);
  const serverAdapter = new HonoAdapter(serveStatic);
  serverAdapter.setBasePath(path);
  createBullBoard({
    queues: queues.map((queue) => new QueueAdapter(queue, redact)),
    serverAdapter,
    options: { uiConfig: { boardTitle: title, hideRedisDetails: true, showWorkers: false } },
  });
  // The address of the board ends with a slash or not.
  const app = new Hono({ strict: false }).route(path, serverAdapter.registerPlugin());
  return toFetch(gate.guard, (request: Request) => gate.enter(request, async () => app.fetch(request)));
}
