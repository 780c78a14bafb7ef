import { EventEmitter } from "node:events";
import pg, { type PoolClient } from "pg";
import type { StatementKind } from "../postgres/sql/kind.js";
import type { Door } from "./statement-executor.js";
import { openReader, openSession, type Session } from "./pinned-connection.js";
import { isSubmittable, reply, type Statement, statementOf } from "./statement.js";

const FORWARDED = ["notice", "notification", "drain", "error", "end"] as const;

/**
 * What `connect()` of a routed pool lends. It has no connection until a statement needs one: a read before that is routed
 * like any other, because nothing ties it to a session. The first statement that opens a transaction, keeps state or
 * writes takes a connection of the primary, and from then on everything runs there.
 */
export class RoutedClient extends EventEmitter {
  readonly #door: Door;
  #session: Promise<Session> | undefined;
  #reader: Promise<Session> | undefined;
  #open: Session | undefined;
  #released = false;

  constructor(door: Door) {
    super();
    this.#door = door;
  }

  /** Of the connection, once there is one. */
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
    if (this.#released) return reply(Promise.reject(new Error("Client was released to the pool")), statement.callback);
    const kind = this.#door.kindOf(statement);
    const reads = this.#session === undefined && (kind === "read" || kind === "call");
    if (isSubmittable(statement.query)) return this.#submit(statement, kind, reads);
    const result = reads ? this.#door.run(statement) : this.#onSession(statement, kind);
    return reply(result, statement.callback);
  }

  release(error?: Error | boolean): void {
    if (this.#released) throw new Error("Release called on client which has already been released to the pool.");
    this.#released = true;
    if (this.#open === undefined) void this.#giveBack(this.#session, error);
    else this.#giveBackNow(this.#open, error);
    void this.#giveBack(this.#reader, error);
  }

  /** One that is still being opened is given back after the statements that wait for it. */
  async #giveBack(opening: Promise<Session> | undefined, error: Error | boolean | undefined): Promise<void> {
    const session = await opening?.catch(() => undefined); // Its statements have told.
    if (session !== undefined) this.#giveBackNow(session, error);
  }

  #giveBackNow(session: Session, error: Error | boolean | undefined): void {
    if (session === this.#open) for (const event of FORWARDED) session.client.off(event, this.#forward[event]);
    session.release(error);
  }

  async #onSession({ text, query, values }: Statement, kind: StatementKind): Promise<unknown> {
    const ended = { kind, text };
    const session = await (this.#session ??= this.#begin(text));
    try {
      const result: unknown = await session.client.query(query as string, values as unknown[]);
      session.note(ended);
      return result;
    } catch (error) {
      session.note(ended, error);
      throw error;
    }
  }

  async #begin(text: string | undefined): Promise<Session> {
    const session = await openSession(this.#door.routing, text);
    this.#open = session;
    for (const event of FORWARDED) session.client.on(event as "notice", this.#forward[event]);
    return session;
  }

  /** What is asked of a cursor or a stream before it has a connection waits inside it. */
  #submit({ text, query, callback }: Statement, kind: StatementKind, reads: boolean): unknown {
    const opened = reads
      ? (this.#reader ??= openReader(this.#door.routing))
      : (this.#session ??= this.#begin(undefined));
    opened.then(
      (session) => {
        session.begins(kind);
        // A query object ends, a COPY into the server finishes; a cursor tells nothing before the release.
        const note = (): void => session.note({ kind, text });
        if (query instanceof EventEmitter) query.once("end", note).once("finish", note);
        session.client.query(query as string, callback as () => void);
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
        // An "error" that nobody listens for would end the process; its node's own listener has published it.
        if (this.listenerCount(event) > 0) this.emit(event, ...args);
      },
    ]),
  ) as Record<(typeof FORWARDED)[number], (...args: unknown[]) => void>;
}
