import { setTimeout as sleep } from "node:timers/promises";
import underPressure from "@fastify/under-pressure";
import fastify, { type FastifyInstance } from "fastify";
import toobusyModule from "toobusy-js";

/** True when the event loop is late. The module has one state for the whole process. */
export const toobusy = toobusyModule;

export const closeToobusy = (): void => toobusyModule.shutdown();

const LAG_MS = 10;
/** Keeps the lag that was measured: no further measurement while the benchmark runs. */
const NEVER_MS = 600_000;

/** Makes toobusy answer yes from now on: it sees a long block, and measures no more after it. */
export async function keepBusy(): Promise<void> {
  toobusyModule.maxLag(LAG_MS);
  toobusyModule.smoothingFactor(1);
  toobusyModule.interval(50);
  for (let tries = 0; tries < 20 && toobusyModule.lag() < 10 * LAG_MS; tries++) {
    block(300);
    // The measurement itself is a timer: let it run once, and only once.
    await sleep(0);
  }
  toobusyModule.interval(NEVER_MS);
  if (!toobusyModule()) throw new Error("expected toobusy to refuse after a block of the event loop");
}

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

/** A Fastify application with the plugin, as its README shows it. Any positive bound on the heap of a byte is exceeded. */
export async function startUnderPressure(bounds: { readonly maxHeapUsedBytes?: number }): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(underPressure, {
    ...{ maxEventLoopDelay: 1000, message: "Under pressure!", retryAfter: 1, sampleInterval: 100 },
    ...bounds,
  });
  app.get("/work", () => ({ ok: true }));
  await app.ready();
  // The first sample is due after the interval.
  const mustPress = bounds.maxHeapUsedBytes !== undefined;
  for (let tries = 0; tries < 50 && app.isUnderPressure() !== mustPress; tries++) await sleep(50);
  if (app.isUnderPressure() !== mustPress) throw new Error(`expected pressure: ${mustPress}`);
  return app;
}
