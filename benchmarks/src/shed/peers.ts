import { setTimeout as sleep } from "node:timers/promises";
import underPressure from "@fastify/under-pressure";
import fastify, { type FastifyInstance } from "fastify";
import toobusyModule from "toobusy-js";

/** True when the event loop is late. The module has one state for the whole process. */
export const toobusy = toobusyModule;

export const closeToobusy = (): void => toobusyModule.shutdown();

/** Bound on the delay of the event loop that no busy machine exceeds: it must not refuse what a benchmark admits. */
export const FAR_MS = 60_000;

/** Makes toobusy answer no from now on. */
export const keepCalm = (): void => void toobusyModule.maxLag(FAR_MS);

const LAG_MS = 10;
/** Weight of later measurements, so that the lag stays as it was measured. */
const NO_WEIGHT = 1e-12;

/** Makes toobusy answer yes from now on: it sees a long block, and hardly anything after it. */
export async function keepBusy(): Promise<void> {
  toobusyModule.maxLag(LAG_MS);
  toobusyModule.smoothingFactor(1);
  toobusyModule.interval(50);
  for (let tries = 0; tries < 20 && toobusyModule.lag() < 10 * LAG_MS; tries++) {
    block(300);
    // The measurement is a timer, which comes next.
    await sleep(0);
  }
  toobusyModule.smoothingFactor(NO_WEIGHT);
  if (!toobusyModule()) throw new Error("expected toobusy to refuse after a block of the event loop");
}

function block(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

const FAR_BYTES = 2 ** 50;

/**
 * A Fastify application with the plugin, by its bounds on memory: without a sample of the event loop the plugin takes its delay
 * for infinite, and a busy machine would refuse what a benchmark admits.
 */
export async function startUnderPressure({ isPressed }: { readonly isPressed: boolean }): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(underPressure, {
    ...{ message: "Under pressure!", retryAfter: 1, sampleInterval: 100 },
    ...{ maxHeapUsedBytes: isPressed ? 1 : FAR_BYTES, maxRssBytes: FAR_BYTES },
  });
  app.get("/work", () => ({ ok: true }));
  await app.ready();
  // The first sample is due after the interval.
  for (let tries = 0; tries < 50 && app.isUnderPressure() !== isPressed; tries++) await sleep(50);
  if (app.isUnderPressure() !== isPressed) throw new Error(`expected pressure: ${isPressed}`);
  return app;
}
