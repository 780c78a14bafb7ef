import { createServer, type ServerResponse } from "node:http";
import { serveWorker } from "@scale/testkit";

/** Requests per second that the upstream can serve, one after the other. */
const CAPACITY = 200;
const SERVICE_MS = 1000 / CAPACITY;
const MAX_QUEUE = 2000;

export type UpstreamAsk =
  | { readonly is: "port" }
  | { readonly is: "blip"; readonly forMs: number }
  | { readonly is: "count" };

let served = 0;
let received = 0;
let blockedUntilMs = 0;

/** A queue in front of one worker, as a service with a saturated pool. Nothing is dropped because its client has gone. */
const queue: ServerResponse[] = [];
let freeAtMs = 0;
let timer: NodeJS.Timeout | undefined;

function work(): void {
  timer = undefined;
  const nowMs = performance.now();
  freeAtMs = Math.max(freeAtMs, blockedUntilMs, nowMs - 20);
  while (queue.length > 0 && freeAtMs + SERVICE_MS <= nowMs) {
    freeAtMs += SERVICE_MS;
    served++;
    queue.shift()?.end("ok");
  }
  if (queue.length > 0) timer = setTimeout(work, Math.max(1, freeAtMs + SERVICE_MS - nowMs));
}

const server = createServer((_request, response) => {
  received++;
  if (queue.length >= MAX_QUEUE) {
    response.statusCode = 503;
    response.end("busy");
    return;
  }
  queue.push(response);
  timer ??= setTimeout(work, 1);
});

const port = new Promise<number>((resolve) => {
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    resolve(typeof address === "object" && address !== null ? address.port : 0);
  });
});

export interface UpstreamCounts {
  readonly served: number;
  readonly received: number;
}

serveWorker((message) => {
  const ask = message as UpstreamAsk;
  if (ask.is === "port") return port;
  if (ask.is === "blip") blockedUntilMs = performance.now() + ask.forMs;
  return { served, received };
});
