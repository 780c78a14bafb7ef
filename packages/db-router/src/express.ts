import type { OutgoingHttpHeader, ServerResponse } from "node:http";
import { factsFromNode, type HeaderSet, nodeHeaders, writeHeaders } from "@scale/http/adapter";
import type { NodeMiddleware } from "@scale/http/express";
import type { Session } from "./consistency/session.js";
import type { Sessions } from "./consistency/sessions.js";
import { type DbSessionHeaders, type DbSessionOptions, dbSessionHeaders } from "./http.js";

export type { DbSessionCookie, DbSessionOptions, DbSessionRequest } from "./http.js";

/**
 * Runs the handlers after it in a session of the router: a request sees the writes of its client's earlier requests, on
 * whatever process they ran. The reads of requests with an unsafe method go to the primary. After a write, or while one is
 * under way, the response carries a token, as header and cookie: a snapshot of when its headers are written. Nothing is
 * delayed for it.
 * @throws {ConfigError} that names the invalid option
 */
export function dbSession(router: Pick<Sessions, "run">, options?: DbSessionOptions): NodeMiddleware {
  const { begin, headersOf } = dbSessionHeaders(options);
  return async (request, response, next) => {
    router.run(begin(factsFromNode(request)), (session) => {
      sendTokenWithHeaders(response, session, headersOf);
      next();
    });
  };
}

/** `write`, `flushHeaders`, `end` and the methods of frameworks all send the headers by `writeHead`. */
function sendTokenWithHeaders(
  response: ServerResponse,
  session: Session,
  headersOf: DbSessionHeaders["headersOf"],
): void {
  const { writeHead } = response;
  response.writeHead = (...args: unknown[]) => {
    const token = !response.headersSent && session.hasWritten ? session.tokenNow() : undefined;
    const all = token === undefined ? args : withToken(args, response, (control) => headersOf(token, control));
    return Reflect.apply(writeHead, response, all) as ServerResponse;
  };
}

type Headers = Record<string, OutgoingHttpHeader>;

/**
 * Adds headers to a response. A header in the arguments of `writeHead` replaces one that was set before, also cookies, so
 * headers of the same name are added there.
 */
function withToken(
  args: readonly unknown[],
  response: ServerResponse,
  headersFor: (cacheControl: string | undefined) => HeaderSet,
): readonly unknown[] {
  const given = givenHeaders(args.at(-1));
  const names = new Map(Object.keys(given ?? {}).map((name) => [name.toLowerCase(), name]));
  const cacheControl = given?.[names.get("cache-control") ?? ""] ?? response.getHeader("cache-control");
  const headers = headersFor(cacheControl === undefined ? undefined : String(cacheControl));
  if (given === undefined) {
    writeHeaders(headers, nodeHeaders(response));
    return args;
  }
  for (const [header, value] of Object.entries(headers)) {
    const name = names.get(header.toLowerCase());
    if (name === undefined) writeHeaders({ [header]: value }, nodeHeaders(response));
    else given[name] = header === "set-cookie" ? [...linesOf(given[name]), value] : value;
  }
  return [...args.slice(0, -1), given];
}

/** The headers in the arguments of `writeHead`: an object, a flat list of names and values, or a list of pairs. */
function givenHeaders(last: unknown): Headers | undefined {
  if (typeof last !== "object" || last === null) return undefined;
  if (!Array.isArray(last)) return { ...last };
  const flat = (Array.isArray(last[0]) ? last.flat() : last) as OutgoingHttpHeader[];
  // Node sends the lines of a name that is listed twice only if no header was set before.
  const given: Headers = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [name, value] = [String(flat[i]), flat[i + 1] as OutgoingHttpHeader];
    const known = Object.keys(given).find((each) => each.toLowerCase() === name.toLowerCase());
    if (known === undefined) given[name] = value;
    else given[known] = [...linesOf(given[known]), ...linesOf(value)];
  }
  return given;
}

const linesOf = (value: OutgoingHttpHeader = []): string[] => (Array.isArray(value) ? value : [String(value)]);
