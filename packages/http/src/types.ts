import type { TenantContext } from "@scale/core";

/** The facts of a request that guards decide by, the same in every framework. */
export interface HttpFacts {
  /** Method in upper case. */
  readonly method: string;
  /**
   * Path and query as the client sent them, starting with `/`: the path that the router matches. Dot segments are not resolved,
   * and percent-encoding is not decoded.
   */
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

/**
 * A slot, room or a reservation that a guard holds for a request while its work runs. Work ends with its handler, and not with
 * its connection: a client that hangs up would otherwise start the next handler while the first one still runs.
 */
export interface Hold {
  /** Frees it. Called once, when the work has ended. An error is emitted as a process warning. */
  release(): void;
  /**
   * Lets it end by itself within a bounded time. Called when the client has disconnected and the adapter cannot see the end of
   * the handler; `release` follows if the handler ends the response after all. Without this method it is released instead.
   */
  letExpire?(): void;
  /** True for a hold that is released when the response begins as a stream of server-sent events, which from then on waits. */
  readonly untilEventStream?: boolean;
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
  /**
   * Held until the work of the request has ended, which is later than `onEnd` when the client disconnects during the handler.
   * Released at once for a reply, and when a later guard of a `chain` throws.
   */
  readonly holds?: readonly Hold[];
}

/**
 * Decides about a request before its handler runs. A feature implements one guard, and adapters run it in every framework.
 * A denial is a verdict too; a guard throws only when it cannot decide.
 */
export type HttpGuard = (facts: HttpFacts) => Verdict | Promise<Verdict>;
