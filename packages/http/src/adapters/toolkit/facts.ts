import type { IncomingMessage } from "node:http";
import type { HttpFacts } from "../../types.js";
import { pathOf } from "./request-target.js";

/** A request of `node:http`, with the members that Express adds. */
export interface NodeRequest extends IncomingMessage {
  /** The target that the client sent, below a mounted router too. */
  originalUrl?: string;
}

/**
 * Facts of a `node:http`, Express or Connect request. `raw` is the request of the framework if it wraps this one.
 * @throws {InputError} for a request target that routers read in different ways
 */
export function factsFromNode(request: NodeRequest, raw: unknown = request): HttpFacts {
  const { headers } = request;
  return {
    method: (request.method ?? "GET").toUpperCase(),
    url: pathOf(request.originalUrl ?? request.url ?? "/"),
    // Read now: a socket that closes while a guard waits loses its address.
    remoteAddress: socketOf(request)?.remoteAddress,
    header(name) {
      const key = name.toLowerCase();
      const value = Object.hasOwn(headers, key) ? headers[key] : undefined;
      if (Array.isArray(value)) return value.join(", ");
      // HTTP/2 carries the host in a pseudo header.
      return value ?? (key === "host" ? firstValue(headers[":authority"]) : undefined);
    },
    raw,
  };
}

/** A request that no socket carries, in tests and serverless runtimes, may have none. */
const socketOf = ({ socket }: Partial<Pick<NodeRequest, "socket">>): NodeRequest["socket"] | undefined => socket;

/** Facts of a fetch `Request`. It has no socket, so that `remoteAddress` comes from the runtime. */
export function factsFromFetch(request: Request, remoteAddress?: string): HttpFacts {
  const url = new URL(request.url);
  return {
    method: request.method.toUpperCase(),
    url: url.pathname + url.search,
    remoteAddress,
    header: (name) => request.headers.get(name) ?? (name.toLowerCase() === "host" ? url.host : undefined),
    raw: request,
  };
}

const firstValue = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;
