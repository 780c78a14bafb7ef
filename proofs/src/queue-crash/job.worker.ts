import { createWorker } from "@scale/queue";
import { serveWorker } from "@scale/testkit";
import { Redis } from "ioredis";
import { openQueue, type QueuePlace } from "./open-queue.js";
import { record } from "./recorder.js";

export interface StartWorker {
  readonly place: QueuePlace;
  readonly recorderUrl: string;
  readonly concurrency: number;
  readonly leaseMs?: number;
}

/** `start` begins to run jobs; `drain` ends it and resolves to the milliseconds that it took. */
export type Ask = { readonly start: StartWorker } | { readonly drainMs: number };

let running: { drain(deadlineMs: number): Promise<number> } | undefined;

serveWorker(async (message): Promise<number> => {
  const ask = message as Ask;
  if ("start" in ask) return start(ask.start);
  return (await running?.drain(ask.drainMs)) ?? 0;
});

async function start({ place, recorderUrl, concurrency, leaseMs }: StartWorker): Promise<number> {
  const recorder = new Redis(recorderUrl);
  const { queue } = openQueue(place);
  const worker = createWorker(
    queue,
    {
      work: async ({ id, data, signal }) => {
        const run = await record(recorder, "start", id);
        const ms = data.slow === "first" && run > 1 ? 0 : data.ms;
        await pause(ms, data.deaf ? undefined : signal);
        // The moment of the abort, and not that of the handler's end.
        if (signal.aborted) await record(recorder, "abort", id);
        signal.throwIfAborted();
        await record(recorder, "end", id);
      },
    },
    { concurrency, ...(leaseMs !== undefined && { leaseMs }) },
  );
  running = {
    async drain(deadlineMs) {
      const begun = performance.now();
      await worker.drain({ deadlineMs });
      return performance.now() - begun;
    },
  };
  await worker.ready();
  return process.pid;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
