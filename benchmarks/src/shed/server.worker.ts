import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { createShedder } from "@scale/shed";
import { shed } from "@scale/shed/express";
import { serveWorker } from "@scale/testkit";
import express, { type RequestHandler } from "express";
import fastify from "fastify";
import type { Kind, Mode } from "./kinds.js";
import { FAR_MS, keepBusy, keepCalm, startUnderPressure, toobusy } from "./peers.js";

export interface Usage {
  /** CPU time of the process, in microseconds. */
  readonly cpuUs: number;
}

/** Servers of all kinds in one process, so that they share its state of the moment. `start` opens them, `usage` reads the CPU. */
serveWorker(async (message): Promise<Record<Kind, string> | Usage> => {
  if (message === "usage") {
    const { user, system } = process.cpuUsage();
    return { cpuUs: user + system };
  }
  return startAll(message as Mode);
});

async function startAll(mode: Mode): Promise<Record<Kind, string>> {
  const isFull = mode === "refused";
  if (isFull) await keepBusy();
  else keepCalm();
  const shedder = createShedder({ eventLoopDelayMs: FAR_MS, ...(isFull && { concurrency: 1, maxWaitMs: 0 }) });
  if (isFull) await shedder.admit({ tenantId: "held" });
  const ifIdle: RequestHandler = (_request, response, next) => {
    if (toobusy()) response.status(503).send("The server is busy, try again.");
    else next();
  };
  const plain = fastify();
  plain.get("/work", () => ({ ok: true }));
  await plain.ready();
  const pressed = await startUnderPressure({ isPressed: isFull });
  return {
    express: await listen(expressWith()),
    ours: await listen(expressWith(shed(shedder, { tenant: ({ header }) => header("x-tenant-id") ?? "" }))),
    toobusy: await listen(expressWith(ifIdle)),
    fastify: await plain.listen({ port: 0, host: "127.0.0.1" }),
    underPressure: await pressed.listen({ port: 0, host: "127.0.0.1" }),
  };
}

function expressWith(...guards: RequestHandler[]): RequestListener {
  const app = express().disable("x-powered-by");
  for (const guard of guards) app.use(guard);
  return app.get("/work", (_request, response) => void response.json({ ok: true }));
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
