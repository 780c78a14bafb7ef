import type { PoolClient } from "pg";
import type { Classifier } from "../postgres/sql/classifier.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { RouteRequest, Routing } from "../types.js";
import { Waiting } from "./attempt.js";
import { connected } from "./connected.js";
import { read } from "./read-retry.js";
import { isSubmittable, type Statement } from "./statement.js";

/** What the pool and its clients share: where single statements go. */
export interface Door {
  readonly routing: Routing;
  /** Whether a statement may leave the primary, and what it means for later reads when it does not. */
  kindOf(statement: Statement): ReturnType<Classifier>;
  /** A single statement outside of any transaction. */
  run(statement: Statement): Promise<unknown>;
  close(): void;
}

const WRITE: RouteRequest = { intent: "write" };

export function createDoor(routing: Routing, classify: Classifier): Door {
  const waiting = new Waiting();
  const readers = { routing, waiting };
  const close = routing.onEject((node) => waiting.giveUp(node));
  const kindOf = ({ text }: Statement): ReturnType<Classifier> => (text === undefined ? "write" : classify(text));

  function run(statement: Statement): Promise<unknown> {
    const kind = kindOf(statement);
    const reads = kind === "read" || kind === "call";
    // It cannot be sent twice.
    if (isSubmittable(statement.query)) return once(statement, reads ? { intent: "read" } : WRITE, kind);
    return reads ? read(statement, kind, readers) : once(statement, WRITE, kind);
  }

  /** Never again, whatever happens: nobody knows what a failed write has done. */
  async function once(statement: Statement, need: RouteRequest, kind: StatementKind): Promise<unknown> {
    const { seat, client } = await connected(routing, need);
    const wrote = kind === "write" || (kind === "call" && seat.route.to === "primary");
    try {
      const result = await only(client, statement);
      seat.release({ wrote });
      return result;
    } catch (error) {
      seat.release({ error, wrote });
      throw error;
    }
  }

  return { routing, kindOf, run, close };
}

/** Ends the connection of a statement that fails, as `pool.query` does: its text may have begun a transaction. */
async function only(client: PoolClient, { query, values }: Statement): Promise<unknown> {
  try {
    const result = await answered(client, query, values);
    client.release();
    return result;
  } catch (error) {
    client.release(error instanceof Error ? error : true);
    throw error;
  }
}

/** The promise of a statement; an object that talks to the connection itself has none, but takes a callback. */
function answered(client: PoolClient, query: unknown, values: unknown): Promise<unknown> {
  if (!isSubmittable(query)) return client.query(query as string, values as unknown[]);
  return new Promise((resolve, reject) => {
    void client.query(
      query as never,
      ((error: unknown, result: unknown) => (error ? reject(error) : resolve(result))) as never,
    );
  });
}
