import { parseOptions } from "@scale/core/kit";
import type { HttpFacts } from "@scale/http";
import { z } from "zod";
import type { RunOptions } from "./consistency/sessions.js";

export interface DbSessionCookie {
  /** Name of the cookie. @default "scale_db" */
  readonly name?: string;
  /** True for a cookie that is sent over https only. @default true */
  readonly isSecure?: boolean;
  /** Path of the cookie. @default "/" */
  readonly path?: string;
}

export interface DbSessionOptions {
  /** Header that carries the token for programs; `false` for none. @default "x-db-token" */
  readonly header?: string | false;
  /** Cookie that carries the token for browsers; `false` for none. @default {} */
  readonly cookie?: DbSessionCookie | false;
  /** Lifetime of the cookie, in milliseconds: at most the lifetime of tokens. @default 30000 */
  readonly ttlMs?: number;
}

export interface DbSessionHeaders {
  /** Returns the options of `Router.run` for a request. */
  begin(facts: Pick<HttpFacts, "header">): Pick<RunOptions, "token" | "startFresh">;
  /** Returns the response headers that carry a token. Shared caches must not store them. */
  headersOf(token: string): Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

const schema = z.strictObject({
  header: z.union([z.string().regex(TOKEN, "expected a header name"), z.literal(false)]).default("x-db-token"),
  cookie: z
    .union([
      z.strictObject({
        name: z.string().regex(TOKEN, "expected a cookie name").default("scale_db"),
        isSecure: z.boolean().default(true),
        path: z.string().startsWith("/").default("/"),
      }),
      z.literal(false),
    ])
    .prefault({}),
  ttlMs: z.number().min(1000).max(3_600_000).default(30_000),
});

/**
 * Reads and writes session tokens in HTTP headers and cookies. Tokens are signed, so the cookie is not.
 * @throws {ConfigError} that names the invalid option
 */
export function dbSessionHeaders(options: DbSessionOptions = {}): DbSessionHeaders {
  const { header, cookie, ttlMs } = parseOptions(schema, options, "dbSession");
  return {
    begin(facts) {
      const sent = header === false ? undefined : facts.header(header);
      const token = sent ?? (cookie === false ? undefined : cookieOf(facts.header("cookie"), cookie.name));
      // A client without a token has not written within the lifetime of tokens.
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
