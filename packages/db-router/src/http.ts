import { parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { RunOptions } from "./router.js";

export interface DbSessionCookie {
  /** @default "scale_db" */
  readonly name?: string;
  /** Sent over https alone. @default true */
  readonly isSecure?: boolean;
  /** @default "/" */
  readonly path?: string;
}

export interface DbSessionOptions {
  /** By which programs bring a token and get one; `false` for none. @default "x-db-token" */
  readonly header?: string | false;
  /** By which browsers do; `false` for none. @default {} */
  readonly cookie?: DbSessionCookie | false;
  /** How long a browser keeps the cookie: no longer than tokens are good for. @default 30000 */
  readonly ttlMs?: number;
}

export interface DbSessionHeaders {
  /** How `Router.run` begins the session of a request. */
  begin(facts: Pick<HttpFacts, "header">): Pick<RunOptions, "token" | "startFresh">;
  /** The headers by which a token goes to the client. Shared caches must not keep them. */
  headersOf(token: string): Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

const schema = z.strictObject({
  header: z.union([z.string().regex(TOKEN, "expected the name of a header"), z.literal(false)]).default("x-db-token"),
  cookie: z
    .union([
      z.strictObject({
        name: z.string().regex(TOKEN, "expected the name of a cookie").default("scale_db"),
        isSecure: z.boolean().default(true),
        path: z.string().startsWith("/").default("/"),
      }),
      z.literal(false),
    ])
    .prefault({}),
  ttlMs: z.number().min(1000).max(3_600_000).default(30_000),
});

/**
 * Where the token of a session stands in requests and responses. Tokens are signed, so the cookie need not be.
 * @throws {ConfigError} that names the wrong option
 */
export function dbSessionHeaders(options: DbSessionOptions = {}): DbSessionHeaders {
  const { header, cookie, ttlMs } = parseOptions(schema, options, "dbSession");
  return {
    begin(facts) {
      const brought = header === false ? undefined : facts.header(header);
      const token = brought ?? (cookie === false ? undefined : cookieOf(facts.header("cookie"), cookie.name));
      // A client that brings nothing has written nothing lately.
      return token === undefined ? { startFresh: true } : { token };
    },
    headersOf: (token) => ({
      ...(header !== false && { [header]: token }),
      ...(cookie !== false && { "set-cookie": cookieLine(cookie, token, ttlMs) }),
    }),
  };
}

function cookieOf(line: string | undefined, name: string): string | undefined {
  for (const part of line?.split(";") ?? []) {
    const at = part.indexOf("=");
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

function cookieLine({ name, path, isSecure }: Required<DbSessionCookie>, token: string, ttlMs: number): string {
  const secure = isSecure ? "; Secure" : "";
  return `${name}=${token}; Path=${path}; Max-Age=${Math.ceil(ttlMs / 1000)}; HttpOnly; SameSite=Lax${secure}`;
}
