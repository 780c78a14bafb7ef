import type { IncomingMessage } from "node:http";
import type { HttpFacts } from "../../types.js";

/** A request of `node:http`, and what Express adds to it where a router is mounted. */
export interface NodeRequest extends IncomingMessage {
  originalUrl?: string;
}

/** The facts of a `node:http`, Express or Connect request. `raw` is the framework's own, where it wraps this one. */
export function factsFromNode(request: NodeRequest, raw: unknown = request): HttpFacts {
  const { headers } = request;
  return {
    method: (request.method ?? "GET").toUpperCase(),
    url: pathOf(request.originalUrl ?? request.url ?? "/"),
    // Read now: a socket that closes while a guard waits forgets its address.
    remoteAddress: request.socket.remoteAddress,
    header(name) {
      const key = name.toLowerCase();
      const value = Object.hasOwn(headers, key) ? headers[key] : undefined;
      if (Array.isArray(value)) return value.join(", ");
      // HTTP/2 carries the host in a pseudo header.
      return value ?? (key === "host" ? asText(headers[":authority"]) : undefined);
    },
    raw,
  };
}

/** The facts of a fetch-style request. It does not know the socket: `remoteAddress` comes from the runtime. */
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

// A client may send the absolute form (`GET http://host/path`) or, for OPTIONS, an asterisk.
function pathOf(target: string): string {
  if (target.startsWith("/")) return target;
  if (!URL.canParse(target)) return "/";
  const { pathname, search } = new URL(target);
  return pathname.startsWith("/") ? pathname + search : "/";
}

const asText = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value[0] : value);
