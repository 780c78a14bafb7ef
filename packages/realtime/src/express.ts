import type { NodeMiddleware } from "@scale/http/express";
import { factsFromNode } from "@scale/http/adapter";
import type { Hub } from "./hub.js";
import { parseSseOptions, type SseOptions } from "./http/options.js";
import { serveStream } from "./http/serve-node.js";
import type { Principal } from "./types.js";

/**
 * Streams the topics of a request, for Express 5 and 4, Connect and plain `node:http`. Errors of the application's callbacks go
 * to `next(error)`.
 * @throws {ConfigError} that names the wrong option
 */
export function sse<Data, P extends Principal, Tx>(hub: Hub<Data, P, Tx>, options: SseOptions<P> = {}): NodeMiddleware {
  const parsed = parseSseOptions(hub, options);
  return async (request, response, next) => {
    try {
      await serveStream(hub, { facts: factsFromNode(request), response }, parsed);
    } catch (error) {
      next(error);
    }
  };
}
