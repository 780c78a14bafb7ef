import { booleanResult, parseOptions } from "@scale/core/kit";
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

/** The facts of a request that decide where its reads go. */
export type DbSessionRequest = Pick<HttpFacts, "method" | "header">;

export interface DbSessionOptions {
  /** Header that carries the token for programs; `false` for none. @default "x-db-token" */
  readonly header?: string | false;
  /** Cookie that carries the token for browsers; `false` for none. @default {} */
  readonly cookie?: DbSessionCookie | false;
  /** Lifetime of the cookie, in milliseconds: at most the lifetime of tokens. @default 30000 */
  readonly ttlMs?: number;
  /**
   * Requests whose reads all go to the primary. `unsafe`: those that may write by their method, which is every method but
   * GET, HEAD, OPTIONS, TRACE and QUERY: what they read is often written back, and a replica may lack the write of another
   * client. A function decides by the request, for example for GraphQL queries that are sent by POST. It must return false
   * for requests that read only.
   * @default "unsafe"
   */
  readonly readsOnPrimary?: "unsafe" | "none" | ((request: DbSessionRequest) => boolean);
}

export interface DbSessionHeaders {
  /** Returns the options of `Router.run` for a request. */
  begin(request: DbSessionRequest): Pick<RunOptions, "token" | "startFresh" | "consistency" | "whenRefused">;
  /**
   * Returns the response headers that carry a token: none for a response that shared caches may store.
   * @param cacheControl `Cache-Control` of the response; without one it becomes `private`
   */
  headersOf(token: string, cacheControl: string | undefined): Readonly<Record<string, string>>;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/** Directives of responses that a cache gives to other clients. */
const PUBLIC = /(?:^|[\s,])(?:public|s-maxage)\b/i;
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"]);

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
  readsOnPrimary: z
    .union([
      z.enum(["unsafe", "none"]),
      z.custom<(request: DbSessionRequest) => boolean>((value) => typeof value === "function", "expected a function"),
    ])
    .default("unsafe"),
});

/**
 * Reads and writes session tokens in HTTP headers and cookies. Tokens are sealed, so the cookie needs no signature.
 * @throws {ConfigError} that names the invalid option
 */
export function dbSessionHeaders(options: DbSessionOptions = {}): DbSessionHeaders {
  const { header, cookie, ttlMs, readsOnPrimary } = parseOptions(schema, options, "dbSession");
  const isStrong = strongRequests(readsOnPrimary);
  return {
    begin(request) {
      const sent = header === false ? undefined : request.header(header);
      const token = sent ?? (cookie === false ? undefined : cookieOf(request.header("cookie"), cookie.name));
      return {
        // A client without a token has not written within the lifetime of tokens. A token of its own making earns nothing.
        ...(token === undefined ? { startFresh: true } : { token, whenRefused: "ignore" }),
        ...(isStrong(request) && { consistency: "strong" }),
      };
    },
    headersOf(token, cacheControl) {
      if (cacheControl !== undefined && PUBLIC.test(cacheControl)) return {};
      return {
        ...(header !== false && { [header]: token }),
        ...(cookie !== false && { "set-cookie": cookieLine(cookie, token, ttlMs) }),
        ...(cacheControl === undefined && { "cache-control": "private" }),
      };
    },
  };
}

function strongRequests(
  choice: NonNullable<DbSessionOptions["readsOnPrimary"]>,
): (request: DbSessionRequest) => boolean {
  if (choice === "none") return () => false;
  if (choice === "unsafe") return ({ method }) => !SAFE_METHODS.has(method);
  // A promise or another truthy value would send every read to the primary without notice.
  const check = booleanResult("dbSession: readsOnPrimary");
  return (request) => check(choice(request));
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
