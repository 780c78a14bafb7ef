import { AsyncResource } from "node:async_hooks";
import { EventEmitter, EventEmitterAsyncResource } from "node:events";
import pg, { type PoolClient, type Submittable } from "pg";
import type { StatementKind } from "../postgres/sql/kind.js";
import { isCancelled, type StatementExecutor } from "./statement-executor.js";
import { pinReadConnection, pinConnection, type PinnedConnection } from "./pinned-connection.js";
import { isSubmittable, deliver, type Statement, statementOf } from "./statement.js";
import { createSubmission, type Submission } from "./submission.js";

const FORWARDED = ["notice", "notification", "drain", "error", "end"] as const;

/**
 * The client that `connect()` of a routed pool returns. It has no connection at first: a read is routed like any other,
 * because nothing ties it to a session. The first statement that opens a transaction, keeps state or writes pins a
 * connection of the primary, and all later statements run there.
 */
export class RoutedClient extends EventEmitterAsyncResource {
  readonly #executor: StatementExecutor;
  #pinned: Promise<PinnedConnection> | undefined;
  #open: PinnedConnection | undefined;
  /** Connection of the cursors and streams of reads. */
  #reader: Promise<PinnedConnection> | undefined;
  /** All connections that the client holds. */
  readonly #held: PinnedConnection[] = [];
  /** Number of statements that wait for a connection, and a listener for the moment when all are sent. */
  #unsent = 0;
  #onSent: (() => void) | undefined;
  /** Cursors that wait for a connection. */
  readonly #waiting = new Set<Submission>();
  /** Connection that the last routed read was sent to, while it runs. */
  #reading: PoolClient | undefined;
  #released = false;
  /** True after a change of the schema, which others see only after its commit. */
  #changedSchema = false;

  constructor(executor: StatementExecutor) {
    // A pinned connection emits its events in the context of the request that opened it, which may be another one's.
    super({ name: "scale:db-router" });
    this.#executor = executor;
    executor.activity.begin();
  }

  /** Process ID of the pinned connection, or of the one that runs a read; null while there is none. */
  get processID(): number | null {
    const client: object | undefined = this.#open?.client ?? this.#reading;
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
    if (isSubmittable(statement.query)) return this.#submit(statement, statement.query, { kind, reads });
    return deliver(reads ? this.#read(statement) : this.#runPinned(statement, kind), statement.callback);
  }

  release(error?: Error | boolean): void {
    if (this.#released) throw new Error("Release called on client which has already been released to the pool.");
    this.#released = true;
    // Submitted after the release, a cursor would keep the connection of its next user busy.
    for (const cursor of this.#waiting) cursor.fail(new Error("Client was released to the pool"), this);
    // Statements that are not awaited run first, as with `pg`.
    if (this.#unsent === 0) this.#releaseAll(error);
    else this.#onSent = () => this.#releaseAll(error);
  }

  #releaseAll(error: Error | boolean | undefined): void {
    if (this.#changedSchema) this.#executor.kinds.forgetFunctions();
    if (this.#open !== undefined) for (const event of FORWARDED) this.#open.client.off(event, this.#forward[event]);
    void this.#giveBack(error);
  }

  async #giveBack(failure: Error | boolean | undefined): Promise<void> {
    await Promise.all(this.#held.map((connection) => connection.release(failure)));
    this.#executor.activity.end();
  }

  #noteSent(): void {
    this.#unsent -= 1;
    if (this.#unsent === 0) this.#onSent?.();
  }

  async #read(statement: Statement): Promise<unknown> {
    try {
      return await this.#executor.run(statement, (client) => {
        this.#reading = client;
      });
    } finally {
      this.#reading = undefined;
    }
  }

  async #runPinned({ text, query, values, signal }: Statement, kind: StatementKind): Promise<unknown> {
    const part = { kind, text };
    // Without a wait it is sent at once, as with `pg`: before the release of a caller that does not await it.
    const open = this.#unsent === 0 ? this.#open : undefined;
    this.#unsent += 1;
    const connection = open ?? (await this.#whenOpen((this.#pinned ??= this.#openPinned(text))));
    const cancel = (): void => connection.cancel();
    try {
      const sent = this.#send(() => {
        signal?.throwIfAborted();
        connection.noteStart(part);
        return connection.client.query(query as string, values as unknown[]);
      });
      signal?.addEventListener("abort", cancel, { once: true });
      const result: unknown = await sent;
      connection.noteEnd(part);
      if (kind === "write" && this.#executor.kinds.noteEnd(text)) this.#changedSchema = true;
      return result;
    } catch (error) {
      const seen = connection.noteEnd(part, error);
      throw signal?.aborted === true && isCancelled(error) ? signal.reason : seen;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  /** Statements that wait for one connection are sent in their order. */
  async #whenOpen(opening: Promise<PinnedConnection>): Promise<PinnedConnection> {
    try {
      return await opening;
    } catch (error) {
      this.#noteSent();
      throw error;
    }
  }

  /** Sends a statement that has waited for the connection. */
  #send<T>(send: () => T): T {
    try {
      return send();
    } finally {
      this.#noteSent();
    }
  }

  async #openPinned(text: string | undefined): Promise<PinnedConnection> {
    const connection = await pinConnection(this.#executor, text);
    this.#held.push(connection);
    this.#open = connection;
    for (const event of FORWARDED) connection.client.on(event as "notice", this.#forward[event]);
    return connection;
  }

  /** The connection of the last cursor, while its node has what the scope has written and seen since. */
  async #readerFor(): Promise<PinnedConnection> {
    const known = this.#reader && (await this.#reader.catch(() => undefined));
    if (known?.isCurrent === true) return known;
    const opening = pinReadConnection(this.#executor);
    this.#reader = opening;
    const connection = await opening;
    this.#held.push(connection);
    return connection;
  }

  /** Cursors and streams queue their own calls until they have a connection. */
  #submit(
    { text, callback }: Statement,
    query: Submittable,
    { kind, reads }: { readonly kind: StatementKind; readonly reads: boolean },
  ): unknown {
    const part = { kind, text };
    const submission = createSubmission(query);
    const submit = (connection: PinnedConnection): void => {
      this.#waiting.delete(submission);
      if (!this.#send(() => submission.submitTo(connection.client, callback))) return;
      connection.noteStart(part);
      if (submission.isCursor) connection.noteCursor(part);
      // A query object emits "end", a COPY to the server "finish". A cursor emits nothing before the release.
      const note = AsyncResource.bind(() => void connection.noteEnd(part));
      if (query instanceof EventEmitter) query.once("end", note).once("finish", note);
    };
    const open = !reads && this.#unsent === 0 ? this.#open : undefined;
    this.#unsent += 1;
    if (open !== undefined) {
      submit(open);
      return query;
    }
    if (submission.isCursor) this.#waiting.add(submission);
    const opening = reads ? this.#readerFor() : (this.#pinned ??= this.#openPinned(undefined));
    this.#whenOpen(opening).then(submit, (error: unknown) => {
      this.#waiting.delete(submission);
      submission.fail(error, this);
    });
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
