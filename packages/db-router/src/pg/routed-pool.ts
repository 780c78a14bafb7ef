import { parseOptions } from "@scale/core/kit";
import pg, { type Pool } from "pg";
import { z } from "zod";
import { createClassifier } from "../postgres/sql/classifier.js";
import type { Routing } from "../types.js";
import { pgPool } from "./attempt.js";
import { createDoor, type Door } from "./statement-executor.js";
import { RoutedClient } from "./routed-client.js";
import { reply, statementOf } from "./statement.js";

export interface RoutedPoolOptions {
  /**
   * Functions of the application that write, lock, or depend on the session. Of one that is not named here, a write is
   * refused by the replica and then done by the primary; a lock or a setting is taken where nobody sees it.
   */
  volatileFunctions?: readonly string[];
}

const schema = z.strictObject({ volatileFunctions: z.array(z.string().min(1)).readonly().optional() });

/**
 * A `pg.Pool` that runs each statement where the router says, for `pg`, Prisma, Drizzle, Kysely and whatever else takes a
 * pool. It holds no connections: those of the nodes' pools serve.
 * Reads run on replicas; everything else, and everything inside of a transaction, on the primary. A read that its node
 * failed to serve runs again on another; a write never does. `end()` ends this pool only, not the nodes.
 */
export function routedPool(routing: Routing, options: RoutedPoolOptions = {}): Pool {
  const { volatileFunctions } = parseOptions(schema, options, "routedPool");
  return new RoutedPool(routing, createDoor(routing, createClassifier(volatileFunctions)));
}

/** A subclass, since Prisma and Drizzle look at what they are given. */
class RoutedPool extends pg.Pool {
  readonly #door: Door;

  constructor(routing: Routing, door: Door) {
    // Connects nothing; some read the options to make other pools alike.
    super(routing.pools().map(pgPool)[0]?.options);
    this.#door = door;
    Object.defineProperties(this, counters(routing));
  }

  // `never` stands for what the form of the call asks for: a promise, or nothing when there is a callback.
  override query(...args: unknown[]): never {
    const statement = statementOf(args);
    return reply(this.ending ? ended() : this.#door.run(statement), statement.callback) as never;
  }

  override connect(...args: unknown[]): never {
    const [callback] = args;
    const client = new RoutedClient(this.#door);
    if (typeof callback !== "function") return (this.ending ? ended() : Promise.resolve(client)) as never;
    if (this.ending) return reply(ended(), callback as Parameters<typeof reply>[1]) as never;
    process.nextTick(() => {
      callback(undefined, client, (error?: Error | boolean) => client.release(error));
    });
    return undefined as never;
  }

  override end(...args: unknown[]): never {
    if (!this.ending) this.#door.close();
    return super.end(...(args as [])) as never;
  }
}

function ended(): Promise<never> {
  return Promise.reject(new Error("Cannot use a pool after calling end on the pool"));
}

const COUNTERS = ["totalCount", "idleCount", "waitingCount"] as const;

/** The sums of all nodes. Own properties: `pg` declares them as such, and has them as accessors of its class. */
function counters(routing: Routing): PropertyDescriptorMap {
  return Object.fromEntries(
    COUNTERS.map((name) => [
      name,
      { get: () => routing.pools().reduce((sum, pool) => sum + pool[name], 0), configurable: true },
    ]),
  );
}
