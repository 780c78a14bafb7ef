import { parseOptions } from "@scale/core/kit";
import pg, { type Pool } from "pg";
import { z } from "zod";
import { createCorrectableClassifier } from "../postgres/sql/classifier.js";
import type { Routing } from "../types.js";
import { pgPool } from "./attempt.js";
import { createStatementExecutor, type StatementExecutor } from "./statement-executor.js";
import { RoutedClient } from "./routed-client.js";
import { deliver, statementOf } from "./statement.js";

export interface RoutedPoolOptions {
  /**
   * Functions of the application that write, lock, or depend on the session. A function that is missing here costs a
   * retry if it writes: the replica refuses, the primary repeats. If it locks or changes a setting, that happens on the
   * wrong connection.
   */
  volatileFunctions?: readonly string[];
}

const schema = z.strictObject({ volatileFunctions: z.array(z.string().min(1)).readonly().optional() });

/**
 * Creates a `pg.Pool` that sends each statement to the node that the router selects, for `pg`, Prisma, Drizzle, Kysely
 * and other libraries that accept a pool. It opens no connections; the pools of the nodes do.
 * Reads run on replicas. Everything else, and everything inside a transaction, runs on the primary. A read that its node
 * fails to serve is retried on another; a write never is. `end()` ends this pool only, not the nodes.
 */
export function routedPool(routing: Routing, options: RoutedPoolOptions = {}): Pool {
  const { volatileFunctions } = parseOptions(schema, options, "routedPool");
  return new RoutedPool(routing, createStatementExecutor(routing, createCorrectableClassifier(volatileFunctions)));
}

/** A subclass of `pg.Pool`, because Prisma and Drizzle check for one. */
class RoutedPool extends pg.Pool {
  readonly #executor: StatementExecutor;

  constructor(routing: Routing, executor: StatementExecutor) {
    // Opens no connections. Some libraries read the options, to create pools like it.
    super(routing.pools().map(pgPool)[0]?.options);
    this.#executor = executor;
    Object.defineProperties(this, counters(routing));
  }

  // `never` fits both forms of the call: a promise, or nothing with a callback.
  override query(...args: unknown[]): never {
    const statement = statementOf(args);
    return deliver(this.ending ? ended() : this.#executor.run(statement), statement.callback) as never;
  }

  override connect(...args: unknown[]): never {
    const [callback] = args;
    const client = new RoutedClient(this.#executor);
    if (typeof callback !== "function") return (this.ending ? ended() : Promise.resolve(client)) as never;
    if (this.ending) return deliver(ended(), callback as Parameters<typeof deliver>[1]) as never;
    process.nextTick(() => {
      callback(undefined, client, (error?: Error | boolean) => client.release(error));
    });
    return undefined as never;
  }

  override end(...args: unknown[]): never {
    if (!this.ending) this.#executor.close();
    return super.end(...(args as [])) as never;
  }
}

function ended(): Promise<never> {
  return Promise.reject(new Error("Cannot use a pool after calling end on the pool"));
}

const COUNTERS = ["totalCount", "idleCount", "waitingCount"] as const;

/** Sums over all nodes. Own properties, because `pg` declares properties that its class implements as accessors. */
function counters(routing: Routing): PropertyDescriptorMap {
  return Object.fromEntries(
    COUNTERS.map((name) => [
      name,
      { get: () => routing.pools().reduce((sum, pool) => sum + pool[name], 0), configurable: true },
    ]),
  );
}
