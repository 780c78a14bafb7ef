import type { TenantContext } from "@scale/core";

/** What a guard may know of a request, whatever framework received it. */
export interface HttpFacts {
  /** Upper case. */
  readonly method: string;
  /** Path and query as the client sent them, starting with `/`. */
  readonly url: string;
  /** Address of the socket's other end, as the framework gives it; a proxy's address behind a proxy. */
  readonly remoteAddress: string | undefined;
  /**
   * Value of a request header; `name` in any case. Several lines of one name are joined with `, `, as HTTP defines:
   * a proxy may add its line below one that the client sent.
   */
  header(name: string): string | undefined;
  /** The framework's own request, for what is not in the facts. */
  readonly raw: unknown;
}

/** An answer that a guard gives instead of the handler. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. The media type is the `content-type` header, `application/json` without one. */
  readonly body: unknown;
}

/** What a guard decided about a request. */
export interface Verdict {
  /** Set on the response, whoever gives it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Present: the request ends here. Absent: it goes on. */
  readonly reply?: Reply;
  /** Present: later guards and the handler run for this tenant (`tenancy.current()`). */
  readonly tenant?: TenantContext;
  /**
   * Called once when the response is over, whoever gave it: sent to its end or broken off, also when the handler threw,
   * a later guard replied, or the client had left before the guard decided. At once when a later guard of a `chain`
   * throws. What it throws becomes a warning of the process.
   */
  readonly onEnd?: () => void;
}

/**
 * Looks at a request before its handler does. A feature writes one guard; the bridges run it in every framework.
 * It answers with a verdict, also when it denies; it throws only when it cannot decide.
 */
export type HttpGuard = (facts: HttpFacts) => Verdict | Promise<Verdict>;
