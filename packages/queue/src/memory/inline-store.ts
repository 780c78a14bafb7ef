import { StoreError } from "@scale/core";
import type { AddOutcome, NewJob, QueueStore } from "../store.js";
import { type MemoryStoreOptions, openInMemory, parseMemoryOptions } from "./store.js";

/**
 * Runs each job in the process that enqueues it: `enqueue` resolves when the first attempt has ended, whether it succeeded or not.
 * For an application that has its queues turned off, with the same handlers as its workers. A worker has to run in this process.
 * Delayed jobs and retries run later, and are lost when the process ends. Caps, rates and shares do not apply; a pause does.
 * @throws {ConfigError} without `durability: "none"`
 */
export function inlineStore(options: MemoryStoreOptions): QueueStore {
  const clock = parseMemoryOptions("inlineStore", options);
  return {
    open(opened) {
      const { stored, state, consumers } = openInMemory(opened, clock);

      async function add(jobs: readonly NewJob[]): Promise<readonly AddOutcome[]> {
        if (!consumers.isStarted) {
          throw new StoreError(
            `queue ${opened.name}: inlineStore: expected a worker in this process, got none: call createWorker first`,
            { notSent: true },
          );
        }
        const outcomes = state.add(jobs);
        await Promise.all(
          outcomes.map(async (outcome) => {
            const entry = outcome.kind === "stored" ? state.index.get(outcome.id) : undefined;
            if (entry === undefined || entry.state !== "waiting" || state.paused.has(entry.record.tenantId)) return;
            await consumers.runNow(entry);
          }),
        );
        return outcomes;
      }

      return { ...stored, add, runsInline: true };
    },
  };
}
