/**
 * What the failure of a read says about the server, as far as another server could do better.
 * "refused": a standby does not do such things, and has done nothing. "conflict": recovery needed what the statement read.
 * "connection": the server is down, starting, ending, full, or out of reach.
 */
export type Failure = "refused" | "conflict" | "connection";

/** Only from a standby. Read-only transaction, feature not supported (unlogged tables, SERIALIZABLE), recovery in progress. */
const REFUSED = new Set(["25006", "0A000", "55000"]);

/** Ending, crashed, starting, database dropped, idle too long; too many connections. */
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
]);

// What `pg` says of connections has no code.
const CONNECTION_MESSAGE =
  /^(?:Connection terminated|timeout e|Cannot use a pool after|Client has encountered a connection error|Client was closed)/;

/** @param isReplica what a primary refuses, or takes back for a conflict of transactions, no other server does either */
export function failureOf(error: unknown, isReplica: boolean): Failure | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code === undefined) return hasConnectionMessage(error) ? "connection" : undefined;
  if (isReplica && REFUSED.has(code)) return "refused";
  if (isReplica && code === "40001") return "conflict";
  return UNAVAILABLE.has(code) || NETWORK.has(code) || code.startsWith("08") ? "connection" : undefined;
}

/** All connections of our own pool are in use: the server has not been asked. */
export function isPoolFull(error: unknown): boolean {
  return error instanceof Error && error.message === "timeout exceeded when trying to connect";
}

function hasConnectionMessage(error: object): boolean {
  return "message" in error && typeof error.message === "string" && CONNECTION_MESSAGE.test(error.message);
}
