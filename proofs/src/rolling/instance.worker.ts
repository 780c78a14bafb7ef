import { createServer } from "node:http";
import { createHealth, redisCheck } from "@scale/health";
import { healthRoutes } from "@scale/health/express";
import express from "express";
import { Redis } from "ioredis";

export interface InstanceOptions {
  readonly port: number;
  /** `node`: the server as Node makes it. It ends at once on SIGTERM, and closes idle connections after five seconds. */
  readonly kind: "ours" | "node";
  /** Time that the balancer needs to see that the instance is not ready. */
  readonly delayMs: number;
  readonly redisUrl?: string;
}

const { port, kind, delayMs, redisUrl } = JSON.parse(process.argv[2] ?? "{}") as InstanceOptions;

const health = createHealth({
  ready: redisUrl === undefined ? [] : [redisCheck(connect(redisUrl), { everyMs: 100, timeoutMs: 200 })],
  drain: { delayMs, deadlineMs: delayMs + 8_000 },
});

function connect(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  // It emits an error for each attempt while Redis is down.
  redis.on("error", () => undefined);
  return redis;
}

const app = express();
app.use(healthRoutes(health));
app.get("/work", (request, response) => {
  setTimeout(() => response.json({ port }), Number(request.header("x-work-ms") ?? 0));
});

const server = createServer(app);
if (kind === "ours") {
  health.drain.attach(server, { balancerIdleMs: 60_000 });
  health.drain.onSignals();
}
server.listen(port, "127.0.0.1", () => console.log("listening"));
