import type { ServerResponse } from "node:http";
import { factsFromNode, type HeaderSet, nodeHeaders, writeHeaders } from "@scale/http/adapter";
import type { NodeMiddleware } from "@scale/http/express";
import type { Session } from "./consistency/session.js";
import type { Sessions } from "./consistency/sessions.js";
import { type DbSessionOptions, dbSessionHeaders } from "./http.js";

export type { DbSessionCookie, DbSessionOptions } from "./http.js";

/**
 * Runs the handlers after it in a session of the router: a request sees the writes of its client's earlier requests, on
 * whatever process they ran. After a write the response carries a token, as header and cookie. A response that ends in
 * one piece waits for the position, which takes one poll of the primary that concurrent responses share.
 * @throws {ConfigError} that names the invalid option
 */
export function dbSession(router: Pick<Sessions, "run">, options?: DbSessionOptions): NodeMiddleware {
  const { begin, headersOf } = dbSessionHeaders(options);
  return async (request, response, next) => {
    router.run(begin(factsFromNode(request)), (session) => {
      sendTokenWithResponse(response, session, headersOf);
      next();
    });
  };
}

/** Wraps every method that sends the headers of a response, so that they include the token. */
function sendTokenWithResponse(
  response: ServerResponse,
  session: Session,
  headersOf: (token: string) => HeaderSet,
): void {
  const { writeHead, end } = response;
  let isSent = false;

  function send(token: string | undefined): void {
    isSent = true;
    if (token !== undefined && !response.headersSent) writeHeaders(headersOf(token), nodeHeaders(response));
  }

  // `write`, `flushHeaders` and a direct `end` all call `writeHead`, which cannot wait.
  response.writeHead = (...args: unknown[]) => {
    if (!isSent && session.hasWritten) send(session.tokenNow());
    return Reflect.apply(writeHead, response, args) as ServerResponse;
  };

  response.end = (...args: unknown[]) => {
    const finish = (): ServerResponse => Reflect.apply(end, response, args) as ServerResponse;
    if (isSent || response.headersSent || !session.hasWritten) return finish();
    isSent = true;
    const endWithToken = async (): Promise<void> => {
      const token = await session.token();
      if (response.destroyed) return;
      send(token);
      finish();
    };
    // `end` throws for invalid arguments, and its caller has returned by now.
    endWithToken().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    return response;
  };
}
