import cluster, { type Worker } from "node:cluster";
import { repeat } from "../interval.js";
import type { Metrics } from "../types.js";
import { ConfigError } from "@scale/core";

const TYPE = "@scale/metrics/delta";

interface DeltaMessage {
  readonly type: typeof TYPE;
  readonly delta: string;
}

const isDelta = (message: unknown): message is DeltaMessage =>
  typeof message === "object" &&
  message !== null &&
  (message as Partial<DeltaMessage>).type === TYPE &&
  typeof (message as Partial<DeltaMessage>).delta === "string";

/**
 * Sends what a worker of `node:cluster` records to the primary process, whose exposition then has the sum of all workers.
 * Gauges stay with their process.
 * @param everyMs time between two messages; what was recorded since the last one is lost with a worker that crashes
 * @returns a function that sends what is left, and ends
 * @throws {ConfigError} in a process that is no worker
 */
export function sendToPrimary(metrics: Metrics, everyMs = 1000): () => Promise<void> {
  if (!cluster.isWorker || process.send === undefined)
    throw new ConfigError("sendToPrimary: expected a worker of node:cluster, got another process; call it after fork");
  const send = async (): Promise<void> => {
    const delta = process.connected ? metrics.takeDelta() : undefined;
    if (delta === undefined) return;
    await new Promise<void>((resolve, reject) => {
      process.send?.({ type: TYPE, delta } satisfies DeltaMessage, undefined, {}, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  };
  // The channel to the primary is gone only when the primary is: nothing is left to report to.
  const repetition = repeat(send, everyMs, () => undefined);
  return () => repetition.close();
}

/**
 * Adds what the workers of this primary process send.
 * @param onFail receives the errors of messages that cannot be read
 * @returns a function that ends it
 */
export function receiveFromWorkers(metrics: Metrics, onFail: (error: unknown) => void): () => void {
  const listener = (_worker: Worker, message: unknown): void => {
    if (!isDelta(message)) return;
    try {
      metrics.merge(message.delta);
    } catch (error) {
      onFail(error);
    }
  };
  cluster.on("message", listener);
  return () => void cluster.off("message", listener);
}
