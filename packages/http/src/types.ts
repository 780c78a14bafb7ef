import type { TenantContext } from "@scale/core";

/** The facts of a request that guards decide by, the same in every framework. */
export interface HttpFacts {
  /** Method in upper case. */
  readonly method: string;
  /** Path and query as the client sent them, starting with `/`. */
  readonly url: string;
  /** Peer address of the socket; the address of the proxy if there is one in front. */
  readonly remoteAddress: string | undefined;
  /**
   * Returns the value of a request header; `name` in any case. Several lines of one name are joined with `, `, as HTTP
   * defines: a proxy may append its line to one that the client sent.
   */
  header(name: string): string | undefined;
  /** Request object of the framework, for everything that is not in the facts. */
  readonly raw: unknown;
}

/** A response of a guard, sent instead of the handler's. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. The media type is the `content-type` header, `application/json` without one. */
  readonly body: unknown;
}

/** The end of a response, as its adapter saw it. */
export interface ResponseEnd {
  /** Status that was sent; `undefined` when none was: the client disconnected first, or an error left the adapter. */
  readonly status: number | undefined;
  /** True when the whole response was sent; false when the client disconnected or the body failed. */
  readonly complete: boolean;
}

/** The decision of a guard about a request. */
export interface Verdict {
  /** Headers for the response, whether the handler or a guard sends it. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Present: the request ends here. Absent: it goes on. */
  readonly reply?: Reply;
  /** Present: later guards and the handler run for this tenant (`tenancy.current()`). */
  readonly tenant?: TenantContext;
  /**
   * Called once when the response has finished or the client disconnected, also when the handler threw, a later guard
   * replied, or the client had disconnected before the guard decided. Called at once when a later guard of a `chain`
   * throws. An error of the callback is emitted as a process warning.
   */
  readonly onEnd?: (end: ResponseEnd) => void;
}

/**
 * Decides about a request before its handler runs. A feature implements one guard, and adapters run it in every framework.
 * A denial is a verdict too; a guard throws only when it cannot decide.
 */
export type HttpGuard = (facts: HttpFacts) => Verdict | Promise<Verdict>;
