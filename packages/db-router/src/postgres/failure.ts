import { isScaleError } from "@scale/core";

/** Codes of refusals by a standby: read-only transaction, feature not supported (unlogged tables, SERIALIZABLE), recovery in progress. */
const REFUSED = new Set(["25006", "0A000", "55000"]);

/** Codes of a server that is ending, crashed, starting, dropped the database or the idle session, or is full. */
const UNAVAILABLE = new Set(["57P01", "57P02", "57P03", "57P04", "57P05", "53300"]);

const NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "ENOTFOUND",
  "EAI_AGAIN",
  // Postgres.js.
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  // This package.
  "SCALE_NODE_LOST",
  "SCALE_AMBIGUOUS",
]);

/**
 * Classes of codes that a standby may return because it has not replayed a migration yet: an unknown table, column,
 * function or type, or a right that is not granted yet.
 */
const SCHEMA = new Set(["42", "3F"]);

// The errors of `pg` about an open connection have no code. Errors of opening one are marked by `markUnsent`.
const CONNECTION_MESSAGE =
  /^(?:Connection terminated|timeout e|Cannot use a pool after|Client has encountered a connection error|Client was closed)/;

const unsent = new WeakSet<object>();

/**
 * Marks an error of opening a connection, whatever its code and message: the statement was not sent, and another node may
 * give a connection. For adapters, which know at which step their client failed.
 */
export function markUnsent(error: unknown): void {
  if (typeof error === "object" && error !== null) unsent.add(error);
}

/** False when the statement failed before anything was sent to the server. */
export function wasSent(error: unknown): boolean {
  return typeof error !== "object" || error === null || !unsent.has(error);
}

/**
 * Classifies the error of a statement by whether another server could do better.
 * @param isReplica false for a primary, whose refusals, serialization failures and schema are everywhere the same
 * @returns "refused": a standby cannot run such statements and has done nothing. "conflict": recovery cancelled the
 * statement. "behind": a standby may lack a change of the schema. "connection": the server is down, starting, ending, full
 * or unreachable. `undefined`: the statement's fault, or a full pool of this process
 */
export function failureOf(
  error: unknown,
  isReplica: boolean,
): "refused" | "conflict" | "behind" | "connection" | undefined {
  if (typeof error !== "object" || error === null || isPoolFull(error)) return undefined;
  if (!wasSent(error)) return "connection";
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code === undefined) return hasConnectionMessage(error) ? "connection" : undefined;
  if (UNAVAILABLE.has(code) || NETWORK.has(code) || code.startsWith("08")) return "connection";
  if (!isReplica) return undefined;
  if (REFUSED.has(code)) return "refused";
  if (code === "40001") return "conflict";
  return isSchemaUnknown(code, error) ? "behind" : undefined;
}

/** A new value of an enum type is refused as invalid text. Errors of syntax are the same on every server. */
function isSchemaUnknown(code: string, error: object): boolean {
  if (code === "22P02") return "routine" in error && error.routine === "enum_in";
  return SCHEMA.has(code.slice(0, 2)) && code !== "42601";
}

/** True when all connections of the pool are in use: nothing was sent to the server. */
export function isPoolFull(error: unknown): boolean {
  return isScaleError(error, "SCALE_BUSY");
}

function hasConnectionMessage(error: object): boolean {
  return "message" in error && typeof error.message === "string" && CONNECTION_MESSAGE.test(error.message);
}

/** Classes of codes of a reply after which the session is as it was: the statement, its data or its rights were at fault. */
const STATEMENT = new Set(["0L", "0P", "20", "21", "22", "23", "2B", "39", "3F", "40", "42", "44", "54", "55", "P0"]);
/** A named statement or cursor that exists already belongs to the session. */
const SESSION = new Set(["42P05", "42P03"]);

/**
 * True when the session of a statement may be used further, after the server has replied with an error. A session of which
 * this is not certain is closed, as `pool.query` of `pg` does: a broken one would fail every later statement.
 * @param options `isPrepared`: true for a named statement, which keeps its plan in the session: 0A000 means that the plan is outdated
 */
export function isSessionIntact(
  error: unknown,
  { isReplica, isPrepared }: { readonly isReplica: boolean; readonly isPrepared: boolean },
): boolean {
  // The server's own errors have a code and a severity.
  if (typeof error !== "object" || error === null || !("code" in error) || !("severity" in error)) return false;
  const { code, severity } = error;
  if (typeof code !== "string" || severity !== "ERROR" || SESSION.has(code)) return false;
  if (code === "40001") return !isReplica;
  if (code === "0A000") return !isPrepared;
  // A standby refuses writes in every session. On a primary, the session was made read-only.
  if (code === "25006") return isReplica;
  return code === "57014" || STATEMENT.has(code.slice(0, 2));
}
