import { parseOptions } from "@scale/core/kit";
import pg, { type Pool } from "pg";
import { z } from "zod";
import { createCorrectableClassifier } from "../postgres/sql/classifier.js";
import type { Routing } from "../types.js";
import { pgPool } from "./connect.js";
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
 * fails to serve is retried on another; a write never is. A `signal` in a query object cancels the statement.
 * `end()` waits for the running statements and lent clients, and ends this pool only, not the nodes.
 * @throws {ConfigError} for an invalid option, and for nodes whose pools are not those of `pg`
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
    if (this.ending) return deliver(ended(), statement.callback) as never;
    return deliver(this.#executor.run(statement), statement.callback) as never;
  }

  override connect(...args: unknown[]): never {
    const [callback] = args;
    if (this.ending) return deliver(ended(), isFunction(callback) ? callback : undefined) as never;
    const client = new RoutedClient(this.#executor);
    if (!isFunction(callback)) return Promise.resolve(client) as never;
    process.nextTick(() => {
      callback(undefined, client, (error?: Error | boolean) => client.release(error));
    });
    return undefined as never;
  }

  override end(...args: unknown[]): never {
    const [callback] = args;
    const idle = this.ending ? undefined : this.#executor.activity.whenIdle();
    if (idle === undefined) return this.#endNow(args);
    this.#setEnding(true);
    const isOver = idle.then((): Promise<void> => {
      this.#setEnding(false);
      return this.#endNow([]);
    });
    return deliver(isOver, isFunction(callback) ? callback : undefined) as never;
  }

  /** `pg` sets it only when it begins to end, and no new work may begin while this waits for that. */
  #setEnding(isEnding: boolean): void {
    Reflect.set(this, "ending", isEnding);
  }

  #endNow(args: unknown[]): never {
    if (!this.ending) this.#executor.close();
    return super.end(...(args as [])) as never;
  }
}

type Callback = (error: unknown, ...rest: unknown[]) => void;

const isFunction = (value: unknown): value is Callback => typeof value === "function";

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
