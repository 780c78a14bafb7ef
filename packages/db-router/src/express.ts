import type { ServerResponse } from "node:http";
import { factsFromNode, type HeaderSet, nodeHeaders, writeHeaders } from "@scale/http/adapter";
import type { NodeMiddleware } from "@scale/http/express";
import { type DbSessionOptions, dbSessionHeaders } from "./http.js";
import type { Router } from "./router.js";
import type { Session } from "./consistency/session.js";

export type { DbSessionCookie, DbSessionOptions } from "./http.js";

/**
 * Runs what comes after it in a session of the router: a request sees what the earlier ones of its client wrote, on
 * whatever process they ran. A response tells its client of writes by header and cookie; one that ends in one piece
 * waits for the position, which takes a question to the primary that all responses of the moment share.
 * @throws {ConfigError} that names the wrong option
 */
export function dbSession(router: Pick<Router, "run">, options?: DbSessionOptions): NodeMiddleware {
  const { begin, headersOf } = dbSessionHeaders(options);
  return async (request, response, next) => {
    router.run(begin(factsFromNode(request)), (session) => {
      tellWrites(response, session, headersOf);
      next();
    });
  };
}

/** Everything by which a response sends its headers, so that the token is among them. */
function tellWrites(response: ServerResponse, session: Session, headersOf: (token: string) => HeaderSet): void {
  const { writeHead, end } = response;
  let isTold = false;

  function tell(token: string | undefined): void {
    isTold = true;
    if (token !== undefined && !response.headersSent) writeHeaders(headersOf(token), nodeHeaders(response));
  }

  // `write`, `flushHeaders` and an `end` of their own all come through here, and cannot wait.
  response.writeHead = (...args: unknown[]) => {
    if (!isTold && session.hasWritten) tell(session.tokenNow());
    return Reflect.apply(writeHead, response, args) as ServerResponse;
  };

  response.end = (...args: unknown[]) => {
    const finish = (): ServerResponse => Reflect.apply(end, response, args) as ServerResponse;
    if (isTold || response.headersSent || !session.hasWritten) return finish();
    isTold = true;
    const answer = async (): Promise<void> => {
      const token = await session.token();
      if (response.destroyed) return;
      tell(token);
      finish();
    };
    // What `end` throws for wrong arguments has no caller any more.
    answer().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
    return response;
  };
}
