import { AsyncResource } from "node:async_hooks";
import type { Pool, PoolClient } from "pg";
import { failureOf, isPoolFull } from "../postgres/failure.js";
import type { Checkout, PoolLike, RouteRequest, Routing } from "../types.js";
import { sendReadOnly, sendStatement } from "./read-only-attempt.js";
import type { Statement } from "./statement.js";

/** Maximum number of failed connections before the caller receives the error. */
const MAX_FAILURES = 3;

/** The real type of a node's pool: the nodes of a routed pool come from `pgNode`. */
export function pgPool(pool: PoolLike): Pool {
  return pool as Pool;
}

/** Reads that wait for a reply, by node. They are rejected when their node is ejected: a frozen server never replies. */
export class InFlightReads {
  readonly #byNode = new Map<string, Set<(error: Error) => void>>();

  forNode(node: string): Set<(error: Error) => void> {
    const known = this.#byNode.get(node);
    if (known !== undefined) return known;
    const made = new Set<(error: Error) => void>();
    this.#byNode.set(node, made);
    return made;
  }

  rejectAll(node: string): void {
    const reads = this.#byNode.get(node);
    if (reads === undefined || reads.size === 0) return;
    const error = new Error(`Connection terminated: ${node} was ejected`);
    for (const end of [...reads]) end(error);
  }
}

const unsent = new WeakSet<object>();

/** False when `attemptRead` failed before anything was sent to the server. */
export function wasSent(error: unknown): boolean {
  return typeof error !== "object" || error === null || !unsent.has(error);
}

/**
 * Runs a read once, on the node of the checkout. It rejects when the node is ejected. Its connection is then closed, also
 * one that the pool lends it later. `pool.query` closes the connection of every failed statement; this
 * keeps the connection when the server replied with an error.
 * @param send how to send the statement: `sendReadOnly` shows whether it writes
 */
// oxlint-disable-next-line max-params -- called for every read, without an object of its own
export function attemptRead(
  checkout: Checkout,
  statement: Statement,
  inFlight: InFlightReads,
  send: typeof sendReadOnly = sendStatement,
): Promise<unknown> {
  const reads = inFlight.forNode(checkout.route.node);
  return new Promise((resolve, reject) => {
    let connection: PoolClient | undefined;
    let isOver = false;
    const end = (error: unknown, result?: unknown): void => {
      if (isOver) return;
      isOver = true;
      reads.delete(end);
      connection?.release(isBroken(error, checkout));
      if (error === undefined) resolve(result);
      else reject(error);
    };
    reads.add(end);
    const onConnected = (error: Error | undefined, client: PoolClient | undefined): void => {
      if (client === undefined) {
        if (error !== undefined) unsent.add(error);
        return end(error);
      }
      // Ejected meanwhile: the pool of the node starts again without this connection.
      if (isOver) return client.release(true);
      connection = client;
      try {
        send(client, statement, (error, result) => {
          if (error === null || error === undefined) end(undefined, result);
          else end(error);
        });
      } catch (thrown) {
        end(thrown); // `pg` rejects some queries synchronously.
      }
    };
    // The pool calls a queued caller in the context of the one that returned a connection.
    const caller = new AsyncResource("scale:db-router");
    pgPool(checkout.pool).connect((error, client) => caller.runInAsyncScope(onConnected, undefined, error, client));
  });
}

function isBroken(error: unknown, checkout: Checkout): boolean {
  if (error === undefined) return false;
  // The server's own errors have a code and a severity.
  const isReply = typeof error === "object" && error !== null && "code" in error && "severity" in error;
  const failure = failureOf(error, checkout.route.to === "replica");
  return !isReply || failure === "connection" || failure === "conflict";
}

export interface ConnectedCheckout {
  readonly checkout: Checkout;
  readonly client: PoolClient;
}

/**
 * Checks out a node and a connection, for statements that must not be sent twice. When no connection can be opened,
 * nothing was sent, so another node is tried; a router with `failover.waitMs` waits for the next primary meanwhile.
 * @throws the error of the first connection, when there is no other node
 */
export async function checkoutConnection(routing: Routing, request: RouteRequest): Promise<ConnectedCheckout> {
  const tried = new Set<string>();
  let first: unknown;
  for (let failures = 1; ; failures += 1) {
    const checkout = await checkoutOrThrow(first, routing, tried.size === 0 ? request : { ...request, except: tried });
    try {
      return { checkout, client: await pgPool(checkout.pool).connect() };
    } catch (error) {
      checkout.release({ error, wrote: false });
      first ??= error;
      tried.add(checkout.route.node);
      const isLast = failures === MAX_FAILURES || isPoolFull(error);
      if (isLast || failureOf(error, false) !== "connection") throw first;
    }
  }
}

/** Checks out a node for the next attempt. Without one it throws `first`, the error that made the attempt necessary. */
export async function checkoutOrThrow(first: unknown, routing: Routing, request: RouteRequest): Promise<Checkout> {
  if (first === undefined) return routing.checkout(request);
  try {
    return await routing.checkout(request);
  } catch {
    throw first;
  }
}
