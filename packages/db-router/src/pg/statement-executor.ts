import type { PoolClient } from "pg";
import type { CorrectableClassifier } from "../postgres/sql/classifier.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { NodeLoss, RouteRequest, Routing } from "../types.js";
import { sendCancel } from "./cancel.js";
import { onAbort } from "./abort.js";
import { Activity } from "./activity.js";
import { checkoutConnection, type ConnectedCheckout, pgPool } from "./connect.js";
import { closeWith } from "./close-connection.js";
import { lossError, NodeUses } from "./node-uses.js";
import { runRead } from "./read-retry.js";
import { SessionGuard } from "./session-guard.js";
import { isSubmittable, type Statement } from "./statement.js";
import { StatementKinds } from "./statement-kinds.js";

/** Runs single statements. A routed pool and its clients share one. */
export interface StatementExecutor {
  readonly routing: Routing;
  /** Everything that waits for a node, of the pool and of its clients. */
  readonly uses: NodeUses;
  /** Everything that the end of the pool waits for. */
  readonly activity: Activity;
  /** The kind of a statement: whether a replica may serve it, and whether it counts as a write on the primary. */
  kindOf(statement: Statement): StatementKind;
  readonly kinds: StatementKinds;
  /**
   * Runs one statement outside of any transaction.
   * @param onSend receives each connection that the statement is sent to
   */
  run(statement: Statement, onSend?: (client: PoolClient) => void): Promise<unknown>;
  close(): void;
}

const WRITE: RouteRequest = { intent: "write" };

export function createStatementExecutor(routing: Routing, classifier: CorrectableClassifier): StatementExecutor {
  const kinds = new StatementKinds(routing, classifier);
  const uses = new NodeUses();
  const activity = new Activity();
  const close = routing.onEject((loss) => uses.publish(loss));
  const kindOf = ({ text }: Statement): StatementKind => (text === undefined ? "write" : kinds.kindOf(text));

  function run(statement: Statement, onSend?: (client: PoolClient) => void): Promise<unknown> {
    const kind = kindOf(statement);
    const isRead = kind === "read" || kind === "call";
    if (isRead && !isSubmittable(statement.query))
      return runRead(statement, kind, { routing, uses, activity, kinds, onSend });
    // A submittable can be sent only once, so a read cannot be retried.
    return runOnce(statement, isRead ? { intent: "read" } : WRITE, kind);
  }

  /** Sends a statement at most once: after a failed write its effect is unknown. */
  async function runOnce(statement: Statement, request: RouteRequest, kind: StatementKind): Promise<unknown> {
    activity.begin();
    try {
      return await runOn(await checkoutConnection({ routing, uses }, request, statement.signal), statement, kind);
    } finally {
      activity.end();
    }
  }

  async function runOn(connected: ConnectedCheckout, statement: Statement, kind: StatementKind): Promise<unknown> {
    const { checkout } = connected;
    const wrote = kind === "write" || (kind === "call" && checkout.route.to === "primary");
    try {
      const result = await runAndRelease(connected, statement, { kind, uses, wrote });
      checkout.release({ wrote });
      if (wrote) kinds.noteEnd(statement.text);
      return result;
    } catch (error) {
      checkout.release({ error, wrote });
      throw error;
    }
  }

  return { routing, uses, activity, kinds, kindOf, run, close };
}

/** Closes the connection of a failed statement, as `pool.query` does: its text may have opened a transaction. */
async function runAndRelease(
  { checkout, client }: ConnectedCheckout,
  { query, values, text, signal }: Statement,
  { kind, uses, wrote }: { readonly kind: StatementKind; readonly uses: NodeUses; readonly wrote: boolean },
): Promise<unknown> {
  const guard = new SessionGuard(client, checkout.route.node);
  const own = uses.of(checkout.pool);
  const onLoss = (loss: NodeLoss): void => {
    if (loss.isFinal) closeWith(client, lossError(loss, wrote));
  };
  own.add(onLoss);
  const stopListening = onAbort(signal, () => sendCancel(pgPool(checkout.pool), client));
  try {
    guard.noteStatement(kind, text);
    const result = await resultOf(client, query, values);
    const residue = guard.residue();
    if (residue !== undefined) guard.publish(residue);
    client.release(residue !== undefined);
    return result;
  } catch (error) {
    client.release(error instanceof Error ? error : true);
    throw signal?.aborted === true && isCancelled(error) ? signal.reason : error;
  } finally {
    own.delete(onLoss);
    stopListening();
  }
}

/** True when the server has cancelled the statement, which then has changed nothing. */
export function isCancelled(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "57014";
}

/** The result of a statement. A submittable returns no promise, but accepts a callback. */
function resultOf(client: PoolClient, query: unknown, values: unknown): Promise<unknown> {
  if (!isSubmittable(query)) return client.query(query as string, values as unknown[]);
  return new Promise((resolve, reject) => {
    void client.query(
      query as never,
      ((error: unknown, result: unknown) => (error ? reject(error) : resolve(result))) as never,
    );
  });
}
