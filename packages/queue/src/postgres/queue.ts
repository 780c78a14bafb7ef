import { InputError, StoreError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { z } from "zod";
import { systemTimerClock } from "../clock.js";
import type { RunStatement } from "../sql/client.js";
import { textColumns } from "../sql/names.js";
import type { AddOutcome, NewJob, StoredQueue } from "../store.js";
import { createCalls, type FunctionCalls } from "./calls.js";
import { changing } from "./changing.js";
import { createConsumers } from "./consumers.js";
import type { PostgresQueueOptions } from "./options.js";
import { reading } from "./reading.js";
import { parseOutcome, toRow } from "./rows.js";

export function openQueue(options: PostgresQueueOptions): StoredQueue {
  const { name, run } = options;
  const call = createCalls(run, options.at);
  const consumers = createConsumers(options, call);
  const add = adding(call, name);
  return {
    clock: systemTimerClock,
    async add(jobs) {
      const outcomes = await add(jobs, { inTransaction: false, run });
      consumers.wake();
      return outcomes;
    },
    addInTransaction: async (tx, jobs) => add(jobs, { inTransaction: true, run: transactionOf(options, tx) }),
    ...reading(options, call),
    ...changing(options, { call, wake: consumers.wake }),
    async claim(key, owner, ttlMs) {
      const args = [
        [name, "text"],
        [textColumns(key).key, "text"],
        [owner, "text"],
        [ttlMs, "float8"],
      ] as const;
      return (await call.one("scale_queue_take_claim", args)) === "true";
    },
    async ping() {
      const [row] = await run("select pg_is_in_recovery()::text as value", []);
      // A standby answers, and stores nothing.
      if (z.object({ value: z.string() }).parse(row).value === "true") {
        throw new StoreError("the database of the queue is a standby: expected the primary");
      }
    },
    consume: consumers.start,
    close: consumers.close,
  };
}

interface Adding {
  readonly inTransaction: boolean;
  readonly run: RunStatement;
}

function adding(call: FunctionCalls, name: string) {
  return async (jobs: readonly NewJob[], { inTransaction, run }: Adding): Promise<readonly AddOutcome[]> => {
    if (jobs.length === 0) return [];
    const list = JSON.stringify(jobs.map(toRow));
    const args = [
      [name, "text"],
      [list, "text"],
      [String(inTransaction), "boolean"],
    ] as const;
    return (await call.rows("scale_queue_add", args, run)).map(parseOutcome);
  };
}

function transactionOf({ inTransaction }: PostgresQueueOptions, tx: unknown): RunStatement {
  try {
    return inTransaction(tx);
  } catch (cause) {
    throw new InputError(`queue.in: expected a transaction of the store's client, got ${describeValue(tx)}`, { cause });
  }
}
