import type { PoolClient } from "pg";
import { failureOf } from "../postgres/failure.js";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { NodeLoss, RouteRequest, Routing } from "../types.js";
import { sendCancel } from "./cancel.js";
import { closeWith, endCursorsWithConnection } from "./close-connection.js";
import { checkoutConnection, type ConnectedCheckout, pgPool } from "./connect.js";
import { lossError, type NodeUses } from "./node-uses.js";
import { isInTransaction, SessionGuard } from "./session-guard.js";

const TRANSACTION: RouteRequest = { intent: "write", reason: "transaction" };
const READ: RouteRequest = { intent: "read" };
const READ_ONLY_BEGIN = /^\s*(?:begin|start\s+transaction)\b[\s\w,]*\bread\s+only\b[\s\w,;]*$/i;
/** A standby cannot run it. */
const SERIALIZABLE = /\bserializable\b/i;
/** Matches a statement that may commit although a transaction is open afterwards, for example the next one. */
const COMMIT = /\b(?:commit|end)\b/i;

interface Part {
  readonly kind: StatementKind;
  readonly text: string | undefined;
}

/** The pool whose connections are pinned. */
export interface Pinning {
  readonly routing: Routing;
  readonly uses: NodeUses;
}

/**
 * Pins a connection for the statement `text` and those after it: of a replica when `text` begins a read-only transaction and
 * one may serve, otherwise of the primary.
 */
export async function pinConnection(pinning: Pinning, text = ""): Promise<PinnedConnection> {
  const isReadOnly = READ_ONLY_BEGIN.test(text) && !SERIALIZABLE.test(text);
  return new PinnedConnection(await checkoutConnection(pinning, isReadOnly ? READ : TRANSACTION), pinning.uses);
}

/** Pins a connection for the streams and cursors of reads, until the client that opened it is released. */
export async function pinReadConnection(pinning: Pinning): Promise<PinnedConnection> {
  return new PinnedConnection(await checkoutConnection(pinning, READ), pinning.uses);
}

/** A connection that several statements share, with its checkout. */
export class PinnedConnection {
  readonly client: PoolClient;
  readonly isPrimary: boolean;
  readonly #connected: ConnectedCheckout;
  readonly #uses: Set<(loss: NodeLoss) => void>;
  readonly #guard: SessionGuard;
  readonly #running = new Set<Part>();
  /** True after a write that is neither rolled back nor recorded as committed. */
  #isDirty = false;
  /** Error of the broken connection. */
  #lost: unknown;
  /** Set when the connection was closed because its node does not reply any more. */
  #loss: NodeLoss | undefined;
  /** Statements that were running then and may have been committed. */
  readonly #inDoubt = new Set<Part>();

  constructor(connected: ConnectedCheckout, uses: NodeUses) {
    const { checkout, client } = connected;
    this.#connected = connected;
    this.client = client;
    this.isPrimary = checkout.route.to === "primary";
    this.#guard = new SessionGuard(client, checkout.route.node);
    this.#uses = uses.of(checkout.pool);
    this.#uses.add(this.#onLoss);
  }

  /** True when the node has everything that the scope of the current work has written and seen. */
  get isCurrent(): boolean {
    return this.isPrimary || this.#connected.checkout.isCurrent();
  }

  noteStart(part: Part): void {
    this.#running.add(part);
    this.#guard.noteStatement(part.kind, part.text);
  }

  /** Records a cursor or stream. It may never report its end, so that it counts as a write from now on. */
  noteCursor({ kind }: Part): void {
    this.#guard.noteCursor();
    endCursorsWithConnection(this.client);
    this.#isDirty ||= this.isPrimary && mayWrite(kind);
  }

  /** Records the end of a statement, in the scope of its caller. @returns the error that the caller receives */
  noteEnd(part: Part, error?: unknown): unknown {
    this.#running.delete(part);
    if (failureOf(error, !this.isPrimary) === "connection") this.#lost ??= error;
    if (this.isPrimary) this.#noteWrites(part);
    if (error === undefined) this.#connected.checkout.noteRead();
    else if (this.#loss !== undefined) return lossError(this.#loss, this.#inDoubt.has(part));
    return error;
  }

  /** Cancels the running statement. */
  cancel(): void {
    sendCancel(pgPool(this.#connected.checkout.pool), this.client);
  }

  /** Gives the connection back after the statements that were sent; it is closed when its next user must not get it. */
  async release(error?: Error | boolean): Promise<void> {
    const idle = error === undefined || error === false ? this.#guard.whenIdle() : undefined;
    if (idle !== undefined) await idle;
    this.#uses.delete(this.#onLoss);
    const isClosing = this.#lost !== undefined || (error !== undefined && error !== false);
    const residue = isClosing ? undefined : this.#guard.residue();
    if (residue !== undefined) this.#guard.publish(residue);
    const { checkout } = this.#connected;
    this.client.release(residue === undefined ? (error ?? this.#lost !== undefined) : true);
    const failure = this.#lost ?? (error instanceof Error ? error : undefined);
    checkout.release({ wrote: this.#isDirty, ...(failure === undefined ? {} : { error: failure }) });
  }

  #noteWrites({ kind, text = "" }: Part): void {
    this.#isDirty ||= mayWrite(kind);
    if (!this.#isDirty || kind === "read") return;
    const isOpen = isInTransaction(this.client);
    if (isOpen && !COMMIT.test(text)) return;
    this.#isDirty = isOpen;
    this.#connected.checkout.noteCommit();
  }

  /** True when a change can be committed although no reply has come. */
  #mayCommit({ kind, text = "" }: Part): boolean {
    if (!this.isPrimary) return false;
    return COMMIT.test(text) || (mayWrite(kind) && !isInTransaction(this.client));
  }

  readonly #onLoss = (loss: NodeLoss): void => {
    if (!loss.isFinal || this.#lost !== undefined) return;
    this.#loss = loss;
    for (const part of this.#running) if (this.#mayCommit(part)) this.#inDoubt.add(part);
    const error = lossError(loss, this.#inDoubt.size > 0);
    this.#lost = error;
    closeWith(this.client, error);
  };
}

const mayWrite = (kind: StatementKind): boolean => kind === "write" || kind === "call";
