import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fromHeader, tenantGuard } from "@scale/http";
import { toExpress } from "@scale/http/express";
import { createShedder, type Shedder } from "@scale/shed";
import { shed } from "@scale/shed/express";
import { serveWorker } from "@scale/testkit";
import express from "express";
import { type Kind, PLACE_MS, PLACES, ROWS } from "./stage.js";

/** `start` opens a server of that kind; `usage` reads what the process has used; `stop` closes it. */
export type Ask = { readonly start: Kind } | "usage" | "stop";

export interface Usage {
  /** CPU time of the process, in microseconds. */
  readonly cpuUs: number;
  readonly inFlight: number;
}

interface Running {
  readonly server: Server;
  readonly shedder: Shedder;
}

let running: Running | undefined;

serveWorker(async (message): Promise<string | Usage | undefined> => {
  const ask = message as Ask;
  if (ask === "usage") {
    const { user, system } = process.cpuUsage();
    return { cpuUs: user + system, inFlight: running?.shedder.stats().inFlight ?? 0 };
  }
  if (ask === "stop") return stop();
  const shedder = createShedder({ concurrency: { initial: 20, min: 4, max: 1000 } });
  const app = express();
  app.use(toExpress(tenantGuard({ resolve: fromHeader("x-tenant-id") })));
  // The shedder that does not know tenants takes them all for one.
  app.use(shed(shedder, ask.start === "blind" ? { tenant: () => "all" } : {}));
  app.get("/work", (_request, response) => {
    void inPlace().then(() => response.send(String(render())));
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  running = { server, shedder };
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

async function stop(): Promise<undefined> {
  if (running === undefined) return;
  const { server, shedder } = running;
  running = undefined;
  shedder.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

let busy = 0;
const waiting: (() => void)[] = [];

/** Takes one of the places for its time, as a query takes a connection of a pool. The others wait in line. */
async function inPlace(): Promise<void> {
  if (busy >= PLACES) await new Promise<void>((resolve) => waiting.push(resolve));
  else busy++;
  await new Promise((resolve) => setTimeout(resolve, PLACE_MS));
  const next = waiting.shift();
  if (next === undefined) busy--;
  else next();
}

/** Renders a page of rows as JSON, as a handler would. @returns its length */
function render(): number {
  const rows = Array.from({ length: ROWS }, (_, id) => ({
    id,
    name: `row ${id}`,
    done: id % 2 === 0,
    at: new Date(id),
  }));
  return JSON.stringify(rows).length;
}
