import { tenancy } from "@scale/core";
import type { PoolClient } from "pg";
import type { StatementKind } from "../postgres/sql/kind.js";
import { leavesSessionState } from "../postgres/sql/session-state.js";
import { connectionDiscard, type SessionResidue } from "./events.js";

/** Time for a cursor to close after its client was released. */
const CURSOR_MS = 1_000;

/**
 * Decides whether a connection may go back to its pool: not with what its next user must not find. Tenants share the
 * connections.
 */
export class SessionGuard {
  readonly #client: PoolClient;
  readonly #node: string;
  #hasState = false;
  #hadCursor = false;

  constructor(client: PoolClient, node: string) {
    this.#client = client;
    this.#node = node;
  }

  /** Records a statement, before it is sent: it may take effect although its reply is lost. */
  noteStatement(kind: StatementKind, text: string | undefined): void {
    if (kind === "read" || kind === "call" || text === undefined) return;
    if (/^\s*discard\s+all\b/i.test(text)) this.#hasState = false;
    this.#hasState ||= leavesSessionState(text);
  }

  /** Records a cursor or stream, which keeps the connection busy until it is closed or read to its end. */
  noteCursor(): void {
    this.#hadCursor = true;
  }

  /**
   * The state that the next user of the connection must not find.
   * @returns `undefined` without one
   */
  residue(): SessionResidue | undefined {
    if (this.#hadCursor && !isIdle(this.#client)) return "unfinished-statement";
    if (isInTransaction(this.#client)) return "open-transaction";
    return this.#hasState ? "session-state" : undefined;
  }

  /** Waits for statements that were sent and not awaited, as COMMIT before a release. @returns `undefined` when there are none */
  whenIdle(): Promise<void> | undefined {
    const client = this.#client;
    if (isIdle(client)) return undefined;
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        client.off("drain", end);
        client.off("end", end);
        resolve();
      };
      // A cursor that is not read any more never ends.
      const timer = this.#hadCursor ? setTimeout(end, CURSOR_MS) : undefined;
      client.on("drain", end);
      client.on("end", end);
    });
  }

  publish(reason: SessionResidue): void {
    const tenantId = tenancy.current()?.tenantId;
    connectionDiscard.publish(() => ({ tenantId, node: this.#node, reason }));
  }
}

/** Old versions of `pg` do not report it. */
export function isInTransaction(client: PoolClient): boolean {
  const status = "getTransactionStatus" in client ? client.getTransactionStatus() : null;
  return status === "T" || status === "E";
}

/** False while a statement or an open cursor keeps the connection busy. A closed connection never becomes ready. */
function isIdle(client: PoolClient): boolean {
  return !("readyForQuery" in client) || client.readyForQuery !== false || client.connection.stream.destroyed;
}
