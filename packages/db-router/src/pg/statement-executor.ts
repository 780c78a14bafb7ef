import type { PoolClient } from "pg";
import type { CorrectableClassifier } from "../postgres/sql/classifier.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { RouteRequest, Routing } from "../types.js";
import { checkoutConnection, InFlightReads } from "./attempt.js";
import { runRead } from "./read-retry.js";
import { isSubmittable, type Statement } from "./statement.js";
import { StatementKinds } from "./statement-kinds.js";

/** Runs single statements. A routed pool and its clients share one. */
export interface StatementExecutor {
  readonly routing: Routing;
  /** The kind of a statement: whether a replica may serve it, and whether it counts as a write on the primary. */
  kindOf(statement: Statement): StatementKind;
  readonly kinds: StatementKinds;
  /** Runs one statement outside of any transaction. */
  run(statement: Statement): Promise<unknown>;
  close(): void;
}

const WRITE: RouteRequest = { intent: "write" };

export function createStatementExecutor(routing: Routing, classifier: CorrectableClassifier): StatementExecutor {
  const kinds = new StatementKinds(routing, classifier);
  const inFlight = new InFlightReads();
  const reading = { routing, inFlight, kinds };
  const close = routing.onEject((node) => inFlight.rejectAll(node));
  const kindOf = ({ text }: Statement): StatementKind => (text === undefined ? "write" : kinds.kindOf(text));

  function run(statement: Statement): Promise<unknown> {
    const kind = kindOf(statement);
    const isRead = kind === "read" || kind === "call";
    // A submittable can be sent only once, so a read cannot be retried.
    if (isSubmittable(statement.query)) return runOnce(statement, isRead ? { intent: "read" } : WRITE, kind);
    return isRead ? runRead(statement, kind, reading) : runOnce(statement, WRITE, kind);
  }

  /** Sends a statement at most once: after a failed write its effect is unknown. */
  async function runOnce(statement: Statement, request: RouteRequest, kind: StatementKind): Promise<unknown> {
    const { checkout, client } = await checkoutConnection(routing, request);
    const wrote = kind === "write" || (kind === "call" && checkout.route.to === "primary");
    try {
      const result = await runAndRelease(client, statement);
      checkout.release({ wrote });
      if (wrote) kinds.noteEnd(statement.text);
      return result;
    } catch (error) {
      checkout.release({ error, wrote });
      throw error;
    }
  }

  return { routing, kinds, kindOf, run, close };
}

/** Closes the connection of a failed statement, as `pool.query` does: its text may have opened a transaction. */
async function runAndRelease(client: PoolClient, { query, values }: Statement): Promise<unknown> {
  try {
    const result = await resultOf(client, query, values);
    client.release();
    return result;
  } catch (error) {
    client.release(error instanceof Error ? error : true);
    throw error;
  }
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
