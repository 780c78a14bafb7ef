import { EventEmitter, EventEmitterAsyncResource } from "node:events";
import pg, { type PoolClient } from "pg";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { StatementExecutor } from "./statement-executor.js";
import { pinReadConnection, pinConnection, type PinnedConnection } from "./pinned-connection.js";
import { isSubmittable, deliver, type Statement, statementOf } from "./statement.js";

const FORWARDED = ["notice", "notification", "drain", "error", "end"] as const;

/**
 * The client that `connect()` of a routed pool returns. It has no connection at first: a read is routed like any other,
 * because nothing ties it to a session. The first statement that opens a transaction, keeps state or writes pins a
 * connection of the primary, and all later statements run there.
 */
export class RoutedClient extends EventEmitterAsyncResource {
  readonly #executor: StatementExecutor;
  #pinned: Promise<PinnedConnection> | undefined;
  #reader: Promise<PinnedConnection> | undefined;
  #open: PinnedConnection | undefined;
  #released = false;
  /** True after a change of the schema, which others see only after its commit. */
  #changedSchema = false;

  constructor(executor: StatementExecutor) {
    // A pinned connection emits its events in the context of the request that opened it, which may be another one's.
    super({ name: "scale:db-router" });
    this.#executor = executor;
  }

  /** Process ID of the pinned connection; null before there is one. */
  get processID(): number | null {
    const client: object | undefined = this.#open?.client;
    return client !== undefined && "processID" in client ? Number(client.processID) : null;
  }

  get escapeIdentifier(): typeof pg.escapeIdentifier {
    return pg.escapeIdentifier;
  }

  get escapeLiteral(): typeof pg.escapeLiteral {
    return pg.escapeLiteral;
  }

  getTypeParser(...args: Parameters<PoolClient["getTypeParser"]>): ReturnType<PoolClient["getTypeParser"]> {
    return pg.types.getTypeParser(...args);
  }

  getTransactionStatus(): ReturnType<PoolClient["getTransactionStatus"]> {
    const client = this.#open?.client;
    if (client === undefined) return "I";
    return "getTransactionStatus" in client ? client.getTransactionStatus() : null;
  }

  query(...args: unknown[]): unknown {
    const statement = statementOf(args);
    if (this.#released)
      return deliver(Promise.reject(new Error("Client was released to the pool")), statement.callback);
    const kind = this.#executor.kindOf(statement);
    const reads = this.#pinned === undefined && (kind === "read" || kind === "call");
    if (isSubmittable(statement.query)) return this.#submit(statement, kind, reads);
    const result = reads ? this.#executor.run(statement) : this.#runPinned(statement, kind);
    return deliver(result, statement.callback);
  }

  release(error?: Error | boolean): void {
    if (this.#released) throw new Error("Release called on client which has already been released to the pool.");
    this.#released = true;
    if (this.#open === undefined) void this.#releaseWhenOpen(this.#pinned, error);
    else this.#releaseNow(this.#open, error);
    void this.#releaseWhenOpen(this.#reader, error);
  }

  /** A connection that is still opening is released after the statements that wait for it. */
  async #releaseWhenOpen(
    opening: Promise<PinnedConnection> | undefined,
    error: Error | boolean | undefined,
  ): Promise<void> {
    const connection = await opening?.catch(() => undefined); // Its statements have rejected.
    if (connection !== undefined) this.#releaseNow(connection, error);
  }

  #releaseNow(connection: PinnedConnection, error: Error | boolean | undefined): void {
    if (connection === this.#open) for (const event of FORWARDED) connection.client.off(event, this.#forward[event]);
    connection.release(error);
    if (this.#changedSchema) this.#executor.kinds.forgetFunctions();
  }

  async #runPinned({ text, query, values }: Statement, kind: StatementKind): Promise<unknown> {
    const ended = { kind, text };
    const connection = await (this.#pinned ??= this.#openPinned(text));
    try {
      const result: unknown = await connection.client.query(query as string, values as unknown[]);
      connection.noteEnd(ended);
      if (kind === "write" && this.#executor.kinds.noteEnd(text)) this.#changedSchema = true;
      return result;
    } catch (error) {
      connection.noteEnd(ended, error);
      throw error;
    }
  }

  async #openPinned(text: string | undefined): Promise<PinnedConnection> {
    const connection = await pinConnection(this.#executor.routing, text);
    this.#open = connection;
    for (const event of FORWARDED) connection.client.on(event as "notice", this.#forward[event]);
    return connection;
  }

  /** Cursors and streams queue their own calls until they have a connection. */
  #submit({ text, query, callback }: Statement, kind: StatementKind, reads: boolean): unknown {
    const opened = reads
      ? (this.#reader ??= pinReadConnection(this.#executor.routing))
      : (this.#pinned ??= this.#openPinned(undefined));
    opened.then(
      (connection) => {
        connection.noteStart(kind);
        // A query object emits "end", a COPY to the server "finish". A cursor emits nothing before the release.
        const note = (): void => connection.noteEnd({ kind, text });
        if (query instanceof EventEmitter) query.once("end", note).once("finish", note);
        connection.client.query(query as string, callback as () => void);
      },
      (error: unknown) => {
        (query as { handleError?(error: unknown, client: unknown): void }).handleError?.(error, this);
      },
    );
    return query;
  }

  readonly #forward = Object.fromEntries(
    FORWARDED.map((event) => [
      event,
      (...args: unknown[]): void => {
        // An "error" event without a listener would end the process. The node's own listener has published it.
        if (this.listenerCount(event) > 0) this.emit(event, ...args);
      },
    ]),
  ) as Record<(typeof FORWARDED)[number], (...args: unknown[]) => void>;
}
