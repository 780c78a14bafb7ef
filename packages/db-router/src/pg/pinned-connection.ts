import type { PoolClient } from "pg";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { RouteRequest, Routing, Checkout } from "../types.js";
import { pgPool } from "./attempt.js";
import { type Connected, connected } from "./connected.js";
import { failureOf } from "../postgres/failure.js";

const TRANSACTION: RouteRequest = { intent: "write", reason: "transaction" };
const READ_ONLY_BEGIN = /^\s*(?:begin|start\s+transaction)\b[\s\w,]*\bread\s+only\b[\s\w,;]*$/i;
/** Of a text that may commit though a transaction is open after it: the next one, or one whose end was not heard of. */
const COMMIT = /\b(?:commit|end)\b/i;

/** A connection that statements share, with the place that it takes. */
export interface Session {
  readonly client: PoolClient;
  readonly isPrimary: boolean;
  /** Takes note of a statement whose end nobody tells us. */
  begins(kind: StatementKind): void;
  /** Takes note of a statement that has ended. */
  note(statement: { readonly kind: StatementKind; readonly text: string | undefined }, error?: unknown): void;
  release(error?: Error | boolean): void;
}

/**
 * Takes a connection for the statement `text` and what follows it. The primary's, unless the statement begins a read-only
 * transaction where reads are pinned to replicas.
 */
export async function openSession(routing: Routing, text: string | undefined): Promise<Session> {
  const seat = await pinnedSeat(routing, text);
  return sessionOn(seat === undefined ? await connected(routing, TRANSACTION) : await connectedTo(seat));
}

async function connectedTo(seat: Checkout): Promise<Connected> {
  try {
    return { seat, client: await pgPool(seat.pool).connect() };
  } catch (error) {
    seat.release({ error, wrote: false });
    throw error;
  }
}

async function pinnedSeat(routing: Routing, text = ""): Promise<Checkout | undefined> {
  if (!READ_ONLY_BEGIN.test(text)) return undefined;
  const seat = await routing.checkout({ intent: "read" });
  if (seat.route.to === "replica" && seat.route.reason === "pinned") return seat;
  seat.release({ wrote: false });
  return undefined;
}

/** For a stream or a cursor of a read, until the client that opened it is released. */
export async function openReader(routing: Routing): Promise<Session> {
  return sessionOn(await connected(routing, { intent: "read" }));
}

function sessionOn({ seat, client }: Connected): Session {
  const isPrimary = seat.route.to === "primary";
  // Written, and not known to be rolled back or told as committed.
  let dirty = false;
  let lost: unknown;
  return {
    client,
    isPrimary,
    begins(kind) {
      dirty ||= isPrimary && writes(kind);
    },
    note({ kind, text = "" }, error) {
      if (failureOf(error, !isPrimary) === "connection") lost = error;
      if (!isPrimary) return;
      dirty ||= writes(kind);
      if (!dirty || kind === "read") return;
      const isOpen = isInTransaction(client);
      if (isOpen && !COMMIT.test(text)) return;
      dirty = isOpen;
      seat.noteCommit();
    },
    release(error) {
      client.release(error);
      const failure = lost ?? (error instanceof Error ? error : undefined);
      seat.release({ wrote: dirty, ...(failure === undefined ? {} : { error: failure }) });
    },
  };
}

const writes = (kind: StatementKind): boolean => kind === "write" || kind === "call";

/** Where `pg` is too old to know, each statement counts as committed, which costs reads on replicas and nothing else. */
function isInTransaction(client: PoolClient): boolean {
  const status = "getTransactionStatus" in client ? client.getTransactionStatus() : null;
  return status === "T" || status === "E";
}
