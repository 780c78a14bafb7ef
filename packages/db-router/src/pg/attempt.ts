import { AsyncResource } from "node:async_hooks";
import type { PoolClient } from "pg";
import { isSessionIntact } from "../postgres/failure.js";
import type { Checkout, NodeLoss } from "../types.js";
import { onAbort } from "./abort.js";
import { sendCancel } from "./cancel.js";
import { connectError, isFull, pgPool } from "./connect.js";
import { lossError, type NodeUses } from "./node-uses.js";
import { sendReadOnly, sendStatement } from "./read-only-attempt.js";
import { isPrepared, type Statement } from "./statement.js";

/** The read that an attempt belongs to. */
export interface ReadAttempt {
  readonly statement: Statement;
  readonly uses: NodeUses;
  /** True for a statement that runs in a read-only transaction of its own, which shows whether it writes. */
  readonly isReadOnly: boolean;
  /** Receives the connection once the statement is sent. */
  readonly onSend: ((client: PoolClient) => void) | undefined;
  /** True when the statement may have changed something on the node. */
  mayWriteOn(checkout: Checkout): boolean;
  /** Checks out another node. @returns `undefined` when no other node can serve the read now */
  findOther(checkout: Checkout): Promise<Checkout | undefined>;
  /** Checkout of the next attempt, when this one has left an unreachable node for it. */
  moved: Checkout | undefined;
}

/**
 * Runs a read once, on the node of the checkout. When the node becomes unreachable, the read moves to another node if one
 * can serve it, and otherwise waits as a client of `pg` does, until the node is lost. Its connection is then closed, also one
 * that the pool lends it later.
 */
export function attemptRead(checkout: Checkout, read: ReadAttempt): Promise<unknown> {
  const { statement, uses } = read;
  const { signal } = statement;
  const pool = pgPool(checkout.pool);
  const own = uses.of(checkout.pool);
  const wasFull = isFull(pool);
  return new Promise((resolve, reject) => {
    let connection: PoolClient | undefined;
    let stopListening = (): void => undefined;
    let isOver = false;
    let isNodeGone = false;
    const end = (error: unknown, result?: unknown): void => {
      if (isOver) return;
      isOver = true;
      own.delete(onLoss);
      stopListening();
      connection?.release(isBroken(error, checkout, read));
      if (error === undefined) resolve(result);
      else reject(error);
    };
    const onLoss = (loss: NodeLoss): void => {
      const giveUp = (): void => {
        isNodeGone = true;
        end(lossError(loss, connection !== undefined && read.mayWriteOn(checkout)));
      };
      if (loss.isFinal) return giveUp();
      void caller.runInAsyncScope(read.findOther, read, checkout).then((other) => {
        if (other === undefined) return;
        if (isOver) return other.release({ wrote: false });
        read.moved = other;
        giveUp();
      });
    };
    const onConnected = (error: Error | undefined, client: PoolClient | undefined): void => {
      if (client === undefined) return end(connectError(error, pool, wasFull));
      // Ended meanwhile: the pool of a lost node starts again without this connection.
      if (isOver) return client.release(isNodeGone);
      connection = client;
      read.onSend?.(client);
      try {
        const send = read.isReadOnly ? sendReadOnly : sendStatement;
        send(client, statement, (failed, result) => {
          if (failed === null || failed === undefined) end(undefined, result);
          else end(failed);
        });
      } catch (thrown) {
        end(thrown); // `pg` rejects some queries synchronously.
      }
    };
    // The pool calls a queued caller in the context of the one that returned a connection.
    const caller = new AsyncResource("scale:db-router");
    own.add(onLoss);
    stopListening = onAbort(signal, () => {
      if (connection !== undefined && !isOver) sendCancel(pool, connection);
      end(signal?.reason);
    });
    if (isOver) return;
    pool.connect((error, client) => caller.runInAsyncScope(onConnected, undefined, error, client));
  });
}

/** `pool.query` closes the connection of every failed statement; this keeps a session that the error has left intact. */
function isBroken(error: unknown, { route }: Checkout, { isReadOnly, statement }: ReadAttempt): boolean {
  if (error === undefined) return false;
  const mayRefuse = isReadOnly || route.to === "replica";
  return !isSessionIntact(error, { isReplica: mayRefuse, isPrepared: isPrepared(statement) });
}
