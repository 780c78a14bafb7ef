import { factsFromFetch } from "@scale/http/adapter";
import { type FetchHandler, toFetch } from "@scale/http/next";
import { type DbSessionOptions, dbSessionHeaders } from "./http.js";
import type { Router } from "./router.js";

export type { DbSessionCookie, DbSessionOptions } from "./http.js";

/**
 * Runs a route handler, of Next or of any runtime that passes a fetch `Request`, in a session of the router, as
 * `dbSession` of `./express` does. What a body writes while it is streamed is not told to the client.
 * @throws {ConfigError} that names the wrong option
 */
export function dbSession<Args extends readonly [Request, ...unknown[]]>(
  router: Pick<Router, "run">,
  handler: FetchHandler<Args>,
  options?: DbSessionOptions,
): (...args: Args) => Promise<Response> {
  const { begin, headersOf } = dbSessionHeaders(options);
  return async (...args) =>
    router.run(begin(factsFromFetch(args[0])), async (session) => {
      const response = await handler(...args);
      const token = session.hasWritten ? await session.token() : undefined;
      if (token === undefined) return response;
      // The bridge's own way with headers that cannot be changed.
      const told = toFetch(
        () => ({ headers: headersOf(token) }),
        (_request: Request) => response,
      );
      return told(args[0]);
    });
}
