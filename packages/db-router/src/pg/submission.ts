import { Readable, Writable } from "node:stream";
import type { PoolClient, Submittable } from "pg";

/**
 * A cursor, stream or query object that waits for a connection. Its owner may close it before there is one; submitted later,
 * it would keep the connection busy for ever, because it is not read.
 */
export interface Submission {
  /** True for a cursor or stream: it keeps its connection busy until it is closed or has been read. */
  readonly isCursor: boolean;
  /** Sends it, unless its owner has closed it. @returns true when it was sent */
  submitTo(client: PoolClient, callback: unknown): boolean;
  /** Reports an error to the owner, instead of sending it. */
  fail(error: unknown, client: unknown): void;
}

interface Cursor {
  close(callback?: (error?: Error) => void): unknown;
  state?: unknown;
}

export function createSubmission(query: Submittable): Submission {
  const cursor = isCursor(query) ? query : undefined;
  const close = cursor?.close;
  let isClosed = false;
  let isTaken = false;
  if (cursor !== undefined && close !== undefined) {
    // A cursor without a connection closes without a trace.
    cursor.close = (...args) => {
      isClosed = true;
      const closed: unknown = Reflect.apply(close, cursor, args);
      cursor.state = "done";
      return closed;
    };
  }
  const isOver = (): boolean => isClosed || isDestroyed(query);

  /** @returns false when the owner has closed it */
  function take(): boolean {
    if (isTaken || isOver()) {
      stopWatching();
      return false;
    }
    isTaken = true;
    return true;
  }

  function stopWatching(): void {
    if (cursor !== undefined) Reflect.deleteProperty(cursor, "close");
  }

  /** The client of `pg` has a queue, too. For an error it goes on with the next statement. */
  function checkAtSubmit(): void {
    const { submit } = query;
    query.submit = (connection) => {
      Reflect.deleteProperty(query, "submit");
      stopWatching();
      const over = isOver() ? new Error("Closed before it was sent") : undefined;
      return (over ?? Reflect.apply(submit, query, [connection])) as void;
    };
  }

  return {
    isCursor: cursor !== undefined || isStream(query),
    submitTo(client, callback) {
      if (!take()) return false;
      if (cursor !== undefined || isStream(query)) checkAtSubmit();
      void client.query(query as never, callback as never);
      return true;
    },
    fail(error, client) {
      const isTheirs = take();
      stopWatching();
      if (!isTheirs || !("handleError" in query) || typeof query.handleError !== "function") return;
      query.handleError(error, client);
    },
  };
}

function isCursor(query: Submittable): query is Submittable & Cursor {
  return "close" in query && typeof query.close === "function" && !isStream(query);
}

function isStream(query: Submittable): boolean {
  return query instanceof Readable || query instanceof Writable;
}

function isDestroyed(query: Submittable): boolean {
  return isStream(query) && "destroyed" in query && query.destroyed === true;
}
