import type { FetchHandler } from "@scale/http/fetch";
import type { Sessions } from "./consistency/sessions.js";
import { dbSession as fetchSession } from "./fetch.js";
import type { DbSessionOptions } from "./http.js";

export type { DbSessionCookie, DbSessionOptions, DbSessionRequest } from "./http.js";

/**
 * `dbSession` of `./fetch` for route handlers of Next. `redirect()`, `notFound()` and the like throw an error that Next turns
 * into a response; here they become that response, so that it carries the token. Needs nothing of Next at run time.
 * @throws {ConfigError} that names the invalid option
 */
export function dbSession<Args extends readonly [Request, ...unknown[]]>(
  router: Pick<Sessions, "run">,
  handler: FetchHandler<Args>,
  options?: DbSessionOptions,
): (...args: Args) => Promise<Response> {
  const answer = async (...args: Args): Promise<Response> => {
    try {
      return await handler(...args);
    } catch (error) {
      const response = responseOf(error);
      if (response === undefined) throw error;
      return response;
    }
  };
  return fetchSession<Args>(router, answer, options);
}

/** `NEXT_REDIRECT;<replace or push>;<url>;<status>;`, where the URL may contain semicolons, and `NEXT_HTTP_ERROR_FALLBACK;<status>`. */
const REDIRECT = /^NEXT_REDIRECT;(?:replace|push);(.*);(30[378]);$/s;
const HTTP_ERROR = /^NEXT_HTTP_ERROR_FALLBACK;(40[134])$/;

/** The response that Next makes of an error of its navigation functions; `undefined` for other errors. */
function responseOf(error: unknown): Response | undefined {
  const digest: unknown = typeof error === "object" && error !== null && "digest" in error ? error.digest : undefined;
  if (typeof digest !== "string") return undefined;
  const [, location, redirect] = REDIRECT.exec(digest) ?? [];
  if (location !== undefined) return new Response(null, { status: Number(redirect), headers: { location } });
  const [, status] = HTTP_ERROR.exec(digest) ?? [];
  return status === undefined ? undefined : new Response(null, { status: Number(status) });
}
