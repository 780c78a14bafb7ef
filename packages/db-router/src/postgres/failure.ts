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
]);

// The connection errors of `pg` have no code.
const CONNECTION_MESSAGE =
  /^(?:Connection terminated|timeout e|Cannot use a pool after|Client has encountered a connection error|Client was closed)/;

/**
 * Classifies the error of a statement by whether another server could do better.
 * @param isReplica false for a primary, whose refusals and serialization failures would repeat on any server
 * @returns "refused": a standby cannot run such statements and has done nothing. "conflict": recovery cancelled the
 * statement. "connection": the server is down, starting, ending, full or unreachable. `undefined`: the statement's fault
 */
export function failureOf(error: unknown, isReplica: boolean): "refused" | "conflict" | "connection" | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (code === undefined) return hasConnectionMessage(error) ? "connection" : undefined;
  if (isReplica && REFUSED.has(code)) return "refused";
  if (isReplica && code === "40001") return "conflict";
  return UNAVAILABLE.has(code) || NETWORK.has(code) || code.startsWith("08") ? "connection" : undefined;
}

/** True when all connections of the pool are in use: nothing was sent to the server. */
export function isPoolFull(error: unknown): boolean {
  return error instanceof Error && error.message === "timeout exceeded when trying to connect";
}

function hasConnectionMessage(error: object): boolean {
  return "message" in error && typeof error.message === "string" && CONNECTION_MESSAGE.test(error.message);
}
