/** The settings of an HTTP server that decide when it closes a connection. */
export interface KeepAliveServer {
  keepAliveTimeout?: number;
  headersTimeout?: number;
  requestTimeout?: number;
  timeout?: number;
}

/** A setting of a server that lets it close a connection before its balancer does. */
export interface KeepAliveFinding {
  readonly setting: "keepAliveTimeout" | "headersTimeout" | "requestTimeout" | "timeout";
  readonly actualMs: number;
  /** Consequence for clients, and the change to make. */
  readonly message: string;
}

/** How much longer than the balancer the server keeps a connection. A close takes a moment to arrive. */
const MARGIN_MS = 5_000;

const WHAT = {
  keepAliveTimeout: "it closes an idle connection",
  // Both also run on a connection that the balancer has opened ahead of time and not used yet.
  headersTimeout: "it closes a connection that was opened ahead of time",
  requestTimeout: "it closes a connection that was opened ahead of time",
  timeout: "it closes a connection without traffic",
} as const;

const SETTINGS = ["keepAliveTimeout", "headersTimeout", "requestTimeout"] as const;

/**
 * Raises the timeouts of a server above the idle time of its balancer, and lowers none. When the server closes first, a
 * request of the balancer meets the close on its way, and the client gets 502. Node's default is five seconds, that of
 * balancers a minute or more.
 */
export function raiseKeepAlive(server: KeepAliveServer, balancerIdleMs: number): void {
  for (const setting of SETTINGS) {
    if (isTooLow(server[setting], balancerIdleMs)) server[setting] = balancerIdleMs + MARGIN_MS;
  }
}

/** Looks for settings of a server that make its balancer answer 502. */
export function keepAliveFindings(server: KeepAliveServer, balancerIdleMs: number): KeepAliveFinding[] {
  return [...SETTINGS, "timeout" as const].flatMap((setting) => {
    const actualMs = server[setting];
    if (actualMs === undefined || !isTooLow(actualMs, balancerIdleMs)) return [];
    const message =
      `${setting} of the HTTP server: expected more than the ${balancerIdleMs} ms of the balancer, got ${actualMs} ms. ` +
      `${WHAT[setting]} while the balancer still uses it, and clients get 502; raise it, or set it to 0.`;
    return [{ setting, actualMs, message }];
  });
}

/** 0 is no timeout. */
const isTooLow = (ms: number | undefined, balancerIdleMs: number): boolean =>
  ms !== undefined && ms !== 0 && ms <= balancerIdleMs;
