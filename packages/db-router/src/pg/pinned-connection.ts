import type { PoolClient } from "pg";
import { failureOf } from "../postgres/failure.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { Checkout, RouteRequest, Routing } from "../types.js";
import { checkoutConnection, type ConnectedCheckout, pgPool } from "./attempt.js";

const TRANSACTION: RouteRequest = { intent: "write", reason: "transaction" };
const READ_ONLY_BEGIN = /^\s*(?:begin|start\s+transaction)\b[\s\w,]*\bread\s+only\b[\s\w,;]*$/i;
/** Matches a statement that may commit although a transaction is open afterwards, for example the next one. */
const COMMIT = /\b(?:commit|end)\b/i;

/** A connection that several statements share, with its checkout. */
export interface PinnedConnection {
  readonly client: PoolClient;
  readonly isPrimary: boolean;
  /** Records the start of a statement whose end is not reported. */
  noteStart(kind: StatementKind): void;
  /** Records the end of a statement. */
  noteEnd(statement: { readonly kind: StatementKind; readonly text: string | undefined }, error?: unknown): void;
  release(error?: Error | boolean): void;
}

/**
 * Pins a connection for the statement `text` and those after it: of the primary, or of a replica when `text` begins a
 * read-only transaction and the scope's reads are pinned to replicas.
 */
export async function pinConnection(routing: Routing, text: string | undefined): Promise<PinnedConnection> {
  const checkout = await checkoutReadOnly(routing, text);
  return pinTo(checkout === undefined ? await checkoutConnection(routing, TRANSACTION) : await connectTo(checkout));
}

/** Pins a connection for the stream or cursor of a read, until the client that opened it is released. */
export async function pinReadConnection(routing: Routing): Promise<PinnedConnection> {
  return pinTo(await checkoutConnection(routing, { intent: "read" }));
}

async function connectTo(checkout: Checkout): Promise<ConnectedCheckout> {
  try {
    return { checkout, client: await pgPool(checkout.pool).connect() };
  } catch (error) {
    checkout.release({ error, wrote: false });
    throw error;
  }
}

async function checkoutReadOnly(routing: Routing, text = ""): Promise<Checkout | undefined> {
  if (!READ_ONLY_BEGIN.test(text)) return undefined;
  const checkout = await routing.checkout({ intent: "read" });
  if (checkout.route.to === "replica" && checkout.route.reason === "pinned") return checkout;
  checkout.release({ wrote: false });
  return undefined;
}

function pinTo({ checkout, client }: ConnectedCheckout): PinnedConnection {
  const isPrimary = checkout.route.to === "primary";
  // True after a write that is neither rolled back nor recorded as committed.
  let isDirty = false;
  let lost: unknown;
  return {
    client,
    isPrimary,
    noteStart(kind) {
      isDirty ||= isPrimary && mayWrite(kind);
    },
    noteEnd({ kind, text = "" }, error) {
      if (failureOf(error, !isPrimary) === "connection") lost = error;
      if (!isPrimary) return;
      isDirty ||= mayWrite(kind);
      if (!isDirty || kind === "read") return;
      const isOpen = isInTransaction(client);
      if (isOpen && !COMMIT.test(text)) return;
      isDirty = isOpen;
      checkout.noteCommit();
    },
    release(error) {
      client.release(error);
      const failure = lost ?? (error instanceof Error ? error : undefined);
      checkout.release({ wrote: isDirty, ...(failure === undefined ? {} : { error: failure }) });
    },
  };
}

const mayWrite = (kind: StatementKind): boolean => kind === "write" || kind === "call";

/** Old versions of `pg` do not report it. Each statement then counts as committed, which only costs replica reads. */
function isInTransaction(client: PoolClient): boolean {
  const status = "getTransactionStatus" in client ? client.getTransactionStatus() : null;
  return status === "T" || status === "E";
}
