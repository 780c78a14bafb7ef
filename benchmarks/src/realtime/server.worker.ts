import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createHub, type WhenSlow } from "@scale/realtime";
import { sse } from "@scale/realtime/express";
import { redisHub } from "@scale/realtime/redis";
import { serveWorker } from "@scale/testkit";
import { createChannel, createSession } from "better-sse";
import { Redis } from "ioredis";

/** `res.write`: one frame for all clients, written to each response. */
export type Contender = "ours" | "res.write" | "better-sse";

export interface Setup {
  readonly contender: Contender;
  readonly redisUrl: string;
  readonly whenSlow?: WhenSlow;
}

export type Ask =
  | { readonly start: Setup }
  /** Sends so many events to every client, some of them in one turn of the event loop. */
  | { readonly broadcast: number; readonly bytes: number; readonly atOnce: number }
  | "usage";

export interface Usage {
  readonly cpuUs: number;
  readonly rssBytes: number;
  /** The greatest RSS since the last reading. */
  readonly maxRssBytes: number;
  readonly connections: number;
}

interface Running {
  readonly listener: RequestListener;
  readonly broadcast: (data: string) => unknown;
  readonly connections: () => number;
}

let running: Running | undefined;
let maxRssBytes = 0;

serveWorker(async (message): Promise<string | Usage | undefined> => {
  const ask = message as Ask;
  if (ask === "usage") return usage();
  if ("start" in ask) return start(ask.start);
  const data = `~${"x".repeat(ask.bytes - 1)}`;
  for (let i = 0; i < ask.broadcast; i += ask.atOnce) {
    const part = Array.from({ length: Math.min(ask.atOnce, ask.broadcast - i) }, () => running?.broadcast(data));
    await Promise.all(part);
    await new Promise((resolve) => setImmediate(resolve));
    maxRssBytes = Math.max(maxRssBytes, process.memoryUsage.rss());
  }
  return undefined;
});

async function start(setup: Setup): Promise<string> {
  running = CONTENDERS[setup.contender](setup);
  const server = createServer(running.listener);
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const rssBytes = process.memoryUsage.rss();
  const reading = { cpuUs: user + system, rssBytes, maxRssBytes: Math.max(maxRssBytes, rssBytes) };
  maxRssBytes = 0;
  return { ...reading, connections: running?.connections() ?? 0 };
}

const CONTENDERS: Readonly<Record<Contender, (setup: Setup) => Running>> = {
  ours({ redisUrl, whenSlow = "disconnect" }) {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: 0 });
    const subscriber = redis.duplicate();
    const hub = createHub({
      store: redisHub({ redis, subscriber, timeoutMs: 10_000 }),
      history: { events: 100 },
      limits: { perTenant: 100_000, perUser: 100_000, perProcess: 100_000, whenSlow },
      topics: { news: { authorize: () => true } },
    });
    const serve = sse(hub, { principal: () => ({ tenantId: "acme" }) });
    return {
      listener: (request, response) => void serve(request, response, () => response.destroy()),
      broadcast: (data) => hub.publish("news", data, { tenantId: "acme" }),
      connections: () => hub.stats().connections,
    };
  },
  "res.write"() {
    const open = new Set<ServerResponse>();
    let id = 0;
    return {
      listener(request, response) {
        response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
        open.add(response);
        request.once("close", () => open.delete(response));
      },
      broadcast(data) {
        const frame = Buffer.from(`id: ${String(id++).padStart(22, "0")}\ndata: {"topic":"news","data":"${data}"}\n\n`);
        for (const response of open) response.write(frame);
      },
      connections: () => open.size,
    };
  },
  "better-sse"() {
    const channel = createChannel();
    return {
      listener(request, response) {
        void createSession(request, response, { keepAlive: null }).then((session) => channel.register(session));
      },
      broadcast: (data) => channel.broadcast({ topic: "news", data }),
      connections: () => channel.sessionCount,
    };
  },
};
