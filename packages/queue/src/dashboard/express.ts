import { createBullBoard } from "@bull-board/api";
import { ExpressAdapter } from "@bull-board/express";
import { type NodeMiddleware, toExpress } from "@scale/http/express";
import { createGate } from "./access.js";
import { QueueAdapter } from "./adapter.js";
import { parseDashboardOptions, type QueueDashboardOptions } from "./options.js";

export type { DashboardQueue, QueueDashboardOptions } from "./options.js";
export type { Redact, ShownJob } from "./redact.js";
export type { Authorize, QueueAccess } from "../http/access.js";

/**
 * bull-board for Express, for senders that the application authorizes. Mount it with `app.use(path, queueDashboard({ path, … }))`.
 * It only shows jobs: those of the sender's tenants, with masked data.
 * @throws {ConfigError} without `authorize`, and for every other wrong option
 */
export function queueDashboard(options: QueueDashboardOptions): NodeMiddleware {
  const { queues, path, redact, title, ...rest } = parseDashboardOptions(options);
  const gate = createGate(rest);
  const serverAdapter = new ExpressAdapter();
  serverAdapter.setBasePath(path);
  createBullBoard({
    queues: queues.map((queue) => new QueueAdapter(queue, redact)),
    serverAdapter,
    options: { uiConfig: { boardTitle: title, hideRedisDetails: true, showWorkers: false } },
  });
  const router: NodeMiddleware = serverAdapter.getRouter();
  const guard = toExpress(gate.guard);
  return (request, response, next) =>
    guard(request, response, (error?: unknown) => {
      if (error === undefined) void gate.enter(request, () => router(request, response, next));
      else next(error);
    });
}
