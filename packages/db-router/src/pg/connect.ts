import { ConfigError, isScaleError } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import type { Pool, PoolClient } from "pg";
import { BusyError, NoPrimaryError } from "../errors.js";
import { failureOf, markUnsent, wasSent } from "../postgres/failure.js";
import type { Checkout, NodeLoss, PoolLike, RouteRequest, Routing } from "../types.js";
import { onAbort } from "./abort.js";
import { lossError, type NodeUses } from "./node-uses.js";

/** Maximum number of failed connections before the caller receives the error. */
const MAX_FAILURES = 3;

const known = new WeakSet<PoolLike>();

/**
 * The real type of a node's pool.
 * @throws {ConfigError} for a pool of another library: its clients have no callbacks and no cursors
 */
export function pgPool(pool: PoolLike): Pool {
  if (known.has(pool)) return pool as Pool;
  if (!("options" in pool && "ending" in pool && typeof pool.options === "object")) {
    throw new ConfigError(
      `routedPool: expected nodes with pools of pg, for example from pgNode(), got ${describeValue(pool)}`,
    );
  }
  known.add(pool);
  return pool as Pool;
}

/** True while the pool can neither lend a connection nor open one. */
export function isFull({ idleCount, totalCount, options: { max } }: Pool): boolean {
  return idleCount === 0 && totalCount >= (max ?? 10);
}

/**
 * The error of a connection that the pool did not give. It is told by what the pool did, and not by the text of its message:
 * a request that has queued for the whole time at a full pool ends without a code and without a cause.
 */
export function connectError(error: unknown, pool: Pool, wasFull: boolean): unknown {
  const isPlain = error instanceof Error && !("code" in error) && error.cause === undefined;
  const known = wasFull && isPlain && isFull(pool) ? new BusyError("pool", "waited-too-long", { cause: error }) : error;
  markUnsent(known);
  return known;
}

/** The error of a caller when no node gave a connection. The error of the first node is its cause. */
export function withoutConnection(error: unknown, { route }: Checkout): unknown {
  if (wasSent(error) || isScaleError(error) || !(error instanceof Error)) return error;
  return new NoPrimaryError(route.node, { cause: error });
}

export interface ConnectedCheckout {
  readonly checkout: Checkout;
  readonly client: PoolClient;
}

/**
 * Checks out a node and a connection, for statements that must not be sent twice. When no connection can be opened,
 * nothing was sent, so another node is tried; a router with `failover.waitMs` waits for the next primary meanwhile.
 * @throws {NoPrimaryError} with the error of the first connection, when there is no other node
 */
export async function checkoutConnection(
  { routing, uses }: { readonly routing: Routing; readonly uses: NodeUses },
  request: RouteRequest,
  signal?: AbortSignal,
): Promise<ConnectedCheckout> {
  const tried = new Set<string>();
  let first: unknown;
  for (let failures = 1; ; failures += 1) {
    const next = tried.size === 0 ? request : { ...request, except: tried };
    const checkout = await abortable(checkoutOrThrow(first, routing, next), signal);
    try {
      return { checkout, client: await connect(checkout, uses, signal) };
    } catch (error) {
      checkout.release({ error, wrote: false });
      if (signal?.aborted === true) throw error;
      first ??= withoutConnection(error, checkout);
      tried.add(checkout.route.node);
      if (failures === MAX_FAILURES || failureOf(error, false) !== "connection") throw first;
    }
  }
}

/** The checkout, or the reason of an abort. A checkout that is not wanted any more is released when it comes. */
export function abortable(pending: Promise<Checkout>, signal: AbortSignal | undefined): Promise<Checkout> {
  if (signal === undefined) return pending;
  return new Promise((resolve, reject) => {
    const stopListening = onAbort(signal, () => reject(signal.reason));
    pending.then(
      (checkout) => {
        stopListening();
        if (signal.aborted) checkout.release({ wrote: false });
        else resolve(checkout);
      },
      (error: unknown) => {
        stopListening();
        reject(error);
      },
    );
  });
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

/**
 * Borrows a connection of the node. It rejects when the node is lost, or `signal` aborts; a connection that arrives later
 * goes back unused.
 */
function connect({ pool: of }: Checkout, uses: NodeUses, signal: AbortSignal | undefined): Promise<PoolClient> {
  const pool = pgPool(of);
  const own = uses.of(of);
  const wasFull = isFull(pool);
  return new Promise((resolve, reject) => {
    let isOver = false;
    let isNodeGone = false;
    let stopListening = (): void => undefined;
    const end = (settle: () => void): void => {
      if (isOver) return;
      isOver = true;
      own.delete(onLoss);
      stopListening();
      settle();
    };
    const onLoss = (loss: NodeLoss): void => {
      if (!loss.isFinal) return;
      isNodeGone = true;
      const error = lossError(loss, false);
      markUnsent(error);
      end(() => reject(error));
    };
    own.add(onLoss);
    stopListening = onAbort(signal, () => end(() => reject(signal?.reason)));
    if (isOver) return;
    pool.connect().then(
      (client) => (isOver ? client.release(isNodeGone) : end(() => resolve(client))),
      (error: unknown) => end(() => reject(connectError(error, pool, wasFull))),
    );
  });
}
