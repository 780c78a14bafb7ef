import type { Pool, PoolClient } from "pg";
import type { PoolLike, Checkout } from "../types.js";
import { failureOf } from "../postgres/failure.js";
import type { Statement } from "./statement.js";

/** The pool of a node as what it is: nodes come from `pgNode`. */
export function pgPool(pool: PoolLike): Pool {
  return pool as Pool;
}

/** Reads that wait for a node, to be given up when the node is. A frozen server never tells. */
export class Waiting {
  readonly #byNode = new Map<string, Set<(error: Error) => void>>();

  of(node: string): Set<(error: Error) => void> {
    const known = this.#byNode.get(node);
    if (known !== undefined) return known;
    const made = new Set<(error: Error) => void>();
    this.#byNode.set(node, made);
    return made;
  }

  giveUp(node: string): void {
    const all = this.#byNode.get(node);
    if (all === undefined || all.size === 0) return;
    const error = new Error(`Connection terminated: ${node} was given up`);
    for (const end of [...all]) end(error);
  }
}

const unsent = new WeakSet<object>();

/** False when `attempt` failed before the server was told anything. */
export function wasSent(error: unknown): boolean {
  return typeof error !== "object" || error === null || !unsent.has(error);
}

/**
 * Runs a read once, on the node of the seat. Unlike `pool.query`, which closes the connection of every statement that
 * fails, it keeps the connection of one that the server answered with an error.
 */
export function attempt(seat: Checkout, statement: Statement, waiting: Waiting): Promise<unknown> {
  const waits = waiting.of(seat.route.node);
  return new Promise((resolve, reject) => {
    let lent: PoolClient | undefined;
    let over = false;
    const end = (error: unknown, result?: unknown): void => {
      if (over) return;
      over = true;
      waits.delete(end);
      lent?.release(isBroken(error, seat));
      if (error === undefined) resolve(result);
      else reject(error);
    };
    waits.add(end);
    pgPool(seat.pool).connect((error, client) => {
      if (client === undefined) {
        if (error !== undefined) unsent.add(error);
        return end(error);
      }
      if (over) return client.release(true);
      lent = client;
      try {
        client.query(statement.query as string, statement.values as unknown[], (error: Error | null, result) => {
          if (error === null || error === undefined) end(undefined, result);
          else end(error);
        });
      } catch (thrown) {
        end(thrown); // A query that `pg` does not take.
      }
    });
  });
}

function isBroken(error: unknown, seat: Checkout): boolean {
  if (error === undefined) return false;
  // Without a code it is none of the server's errors.
  const answered = typeof error === "object" && error !== null && "code" in error && "severity" in error;
  const failure = failureOf(error, seat.route.to === "replica");
  return !answered || failure === "connection" || failure === "conflict";
}
