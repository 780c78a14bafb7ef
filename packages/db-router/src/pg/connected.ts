import type { PoolClient } from "pg";
import type { RouteRequest, Routing, Checkout } from "../types.js";
import { pgPool } from "./attempt.js";
import { failureOf, isPoolFull } from "../postgres/failure.js";

/** Connections that may fail before the caller hears of it. */
const MAX_FAILURES = 3;

export interface Connected {
  readonly seat: Checkout;
  readonly client: PoolClient;
}

/**
 * A place and a connection for what must not be sent twice. Where no connection can be made nothing was sent, so that
 * another place is asked for; a router that waits for a primary gives one then.
 * @throws what the first connection failed with, when there is no other place
 */
export async function connected(routing: Routing, need: RouteRequest): Promise<Connected> {
  const tried = new Set<string>();
  let first: unknown;
  for (let failures = 1; ; failures += 1) {
    const seat = await seatOr(first, routing, tried.size === 0 ? need : { ...need, except: tried });
    try {
      return { seat, client: await pgPool(seat.pool).connect() };
    } catch (error) {
      seat.release({ error, wrote: false });
      first ??= error;
      tried.add(seat.route.node);
      const isOver = failures === MAX_FAILURES || isPoolFull(error);
      if (isOver || failureOf(error, false) !== "connection") throw first;
    }
  }
}

/** When there is no place for another try, what went wrong first says more than that. */
export async function seatOr(first: unknown, routing: Routing, need: RouteRequest): Promise<Checkout> {
  if (first === undefined) return routing.checkout(need);
  try {
    return await routing.checkout(need);
  } catch {
    throw first;
  }
}
