import { createOutbox, createOutboxRelay } from "@scale/queue/outbox";
import { pgClient, type PgPool, type PgPoolClient } from "@scale/queue/pg";
import { serveWorker } from "@scale/testkit";
import { Pool } from "pg";
import { openQueue, type QueuePlace } from "./open-queue.js";

/** Runs a relay that is killed at its `killAt`-th step: before or after an await of its transaction or delivery. */
export interface RunRelay {
  readonly place: QueuePlace;
  readonly databaseUrl: string;
  /** 0: never. */
  readonly killAt: number;
}

let steps = 0;
let killAt = 0;

serveWorker(async (message): Promise<number> => {
  const run = message as RunRelay;
  killAt = run.killAt;
  const pool = new Pool({ connectionString: run.databaseUrl, max: 2 });
  const { queue } = openQueue(run.place);
  createOutboxRelay({
    outbox: createOutbox({ client: pgClient(withSteps(pool)) }),
    deliver: { [`queue:${run.place.name}`]: (messages) => between(() => queue.deliver(messages)) },
    pollMs: 5,
  });
  return process.pid;
});

async function between<T>(work: () => Promise<T>): Promise<T> {
  step();
  const result = await work();
  step();
  return result;
}

function step(): void {
  steps++;
  if (steps === killAt) process.kill(process.pid, "SIGKILL");
}

/** The pool, with a step before and after each connect and statement, `begin` and `commit` included. */
function withSteps(pool: Pool): PgPool {
  return {
    query: (text, params) => between(() => pool.query(text, params)),
    connect: () =>
      between(async (): Promise<PgPoolClient> => {
        const client = await pool.connect();
        return {
          query: (text, params) => between(() => client.query(text, params)),
          release: (destroy) => client.release(destroy),
          on: (event, listener) => client.on(event, listener),
          off: (event, listener) => client.off(event, listener),
        };
      }),
  };
}
