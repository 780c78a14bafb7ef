import { factsFromFetch } from "@scale/http/adapter";
import { type FetchHandler, toFetch } from "@scale/http/fetch";
import type { Sessions } from "./consistency/sessions.js";
import { type DbSessionOptions, dbSessionHeaders } from "./http.js";

export type { DbSessionCookie, DbSessionOptions, DbSessionRequest } from "./http.js";

/**
 * Runs a fetch handler in a session of the router, as `dbSession` of `./express` does, in any runtime that passes a
 * `Request`. The token waits for the position of the writes, which takes one poll of the primary that concurrent responses
 * share. Writes that begin while the body streams are not in the token.
 * @throws {ConfigError} that names the invalid option
 */
export function dbSession<Args extends readonly [Request, ...unknown[]]>(
  router: Pick<Sessions, "run">,
  handler: FetchHandler<Args>,
  options?: DbSessionOptions,
): (...args: Args) => Promise<Response> {
  const { begin, headersOf } = dbSessionHeaders(options);
  return async (...args) =>
    router.run(begin(factsFromFetch(args[0])), async (session) => {
      const response = await handler(...args);
      const token = session.hasWritten ? await session.token() : undefined;
      if (token === undefined) return response;
      // `toFetch` copies responses whose headers are immutable.
      const withToken = toFetch(
        () => ({ headers: headersOf(token, response.headers.get("cache-control") ?? undefined) }),
        (_request: Request) => response,
      );
      return withToken(args[0]);
    });
}
