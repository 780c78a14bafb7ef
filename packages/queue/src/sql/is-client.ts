import { ConfigError } from "@scale/core";
import { describeValue, hasMethod } from "@scale/core/kit";

/** @throws {ConfigError} when `db` lacks one of the methods */
export function checkClient(db: unknown, methods: readonly string[], what: string): void {
  if (methods.every((method) => hasMethod(db, method))) return;
  throw new ConfigError(`${what}: expected a client with ${methods.join("() and ")}(), got ${describeValue(db)}`);
}

/** @throws {TypeError} unless `tx` is a transaction of another object than `db` */
export function checkTransaction(tx: unknown, db: unknown, method: string): void {
  if (!hasMethod(tx, method)) {
    throw new TypeError(`tx: expected the client of a transaction, got ${describeValue(tx)}`);
  }
  // Each statement would be a transaction of its own: the message would stay when the caller's work rolls back.
  if (tx === db) throw new TypeError("tx: expected the client of a transaction, got the application's own client");
}
