import { ConfigError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { systemTimerClock } from "../clock.js";
import type { OpenQueueOptions, QueueStore, StoredQueue, TimerClock } from "../store.js";
import { Consumers } from "./consumers.js";
import { QueueState } from "./queue-state.js";
import { createStoredQueue } from "./stored-queue.js";

export interface MemoryStoreOptions {
  /** Says in the code of the application that its jobs are lost when the process ends. There is no default. */
  readonly durability: "none";
  /** @default systemTimerClock */
  readonly clock?: TimerClock;
}

/**
 * Keeps the jobs of one process in its memory, with the same fairness as the other stores. For tests and development: a job that was
 * acknowledged is lost when the process ends.
 * @throws {ConfigError} without `durability: "none"`
 */
export function memoryStore(options: MemoryStoreOptions): QueueStore {
  const clock = parseMemoryOptions("memoryStore", options);
  const queues = new Map<string, { readonly stored: StoredQueue; readonly charge: string }>();
  return {
    open(opened) {
      const known = queues.get(opened.name);
      if (known !== undefined) {
        if (known.charge === opened.charge) return known.stored;
        throw new ConfigError(
          `queue ${describeValue(opened.name)}: charge: expected ${known.charge}, as it was opened with`,
        );
      }
      const { stored } = openInMemory(opened, clock);
      queues.set(opened.name, { stored, charge: opened.charge });
      return stored;
    },
  };
}

export interface OpenMemoryQueue {
  readonly stored: StoredQueue;
  readonly state: QueueState;
  readonly consumers: Consumers;
}

export function openInMemory(options: OpenQueueOptions, clock: TimerClock): OpenMemoryQueue {
  const state = new QueueState(options, clock);
  const consumers = new Consumers(state);
  return { state, consumers, stored: createStoredQueue(state, consumers) };
}

/** @returns the clock */
export function parseMemoryOptions(what: string, options: MemoryStoreOptions): TimerClock {
  const { durability, clock = systemTimerClock }: Partial<MemoryStoreOptions> = options ?? {};
  if (durability !== "none") {
    throw new ConfigError(
      `${what}: durability: expected "none", got ${describeValue(durability)}: its jobs are lost when the process ends; use the store of a backend to keep them`,
    );
  }
  return clock;
}
