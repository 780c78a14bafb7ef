import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createHub } from "@scale/realtime";
import { sse } from "@scale/realtime/express";
import { redisHub } from "@scale/realtime/redis";
import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { type HubSetup, TENANT } from "./stage.js";

/** `start` opens a server over the Redis of the setup; `stop` closes it. */
export type Ask = { readonly start: HubSetup } | "stop";

let stop = async (): Promise<void> => undefined;

serveWorker(async (message): Promise<string | undefined> => {
  const ask = message as Ask;
  if (ask === "stop") {
    await stop();
    return undefined;
  }
  return start(ask.start);
});

async function start({ redisUrl, prefix, afterRestart, historyEvents }: HubSetup): Promise<string> {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  const subscriber = redis.duplicate();
  for (const client of [redis, subscriber]) client.on("error", () => undefined);
  const topic = { authorize: () => true };
  const hub = createHub({
    store: redisHub({ redis, subscriber, prefix, afterRestart, timeoutMs: 2000 }),
    history: { events: historyEvents },
    lifetime: { retry: 100 },
    limits: { perTenant: 10_000, perUser: 10_000 },
    topics: { a: topic, b: topic },
  });
  const serve = sse(hub, { principal: () => ({ tenantId: TENANT }) });
  const server: Server = createServer((request, response) => {
    // Pages of other origins read the stream in the browser's part of the proof.
    response.setHeader("access-control-allow-origin", "*");
    if (request.url === "/page") response.setHeader("content-type", "text/html").end("<!doctype html>");
    else void serve(request, response, () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stop = async () => {
    hub.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    redis.disconnect();
    subscriber.disconnect();
  };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
