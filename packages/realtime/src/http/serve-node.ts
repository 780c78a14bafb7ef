import type { ServerResponse } from "node:http";
import type { HttpFacts } from "@scale/http";
import { endResponse, endWork, nodeHeaders, onResponseEnd, serializeReply, writeHeaders } from "@scale/http/adapter";
import type { Hub } from "../hub.js";
import type { Principal } from "../types.js";
import { admitStream } from "./admit.js";
import { STREAM_HEADERS } from "./headers.js";
import { nodeSink } from "./node-sink.js";
import type { ParsedSseOptions } from "./options.js";

/**
 * Serves a request of `node:http` as a stream. Resolves when the response has begun or was sent.
 * @throws the errors of `principal`, `topics` and `authorize` that are not of a `@scale` package
 */
export async function serveStream<Data, P extends Principal, Tx>(
  hub: Hub<Data, P, Tx>,
  { facts, response }: { readonly facts: HttpFacts; readonly response: ServerResponse },
  options: ParsedSseOptions,
): Promise<void> {
  const admission = await admitStream(hub, facts, options);
  if (admission.is === "stream") {
    // Before everything else: a client that has left meanwhile gives its place back here.
    onResponseEnd(response, () => {
      admission.connection.leave();
      endWork(response);
    });
    if (response.destroyed || response.headersSent) return admission.connection.leave();
    writeHeaders(STREAM_HEADERS, nodeHeaders(response));
    response.writeHead(200);
    response.flushHeaders();
    return admission.connection.start(nodeSink(response));
  }
  if (response.destroyed || response.headersSent) return;
  if (admission.is === "head") {
    writeHeaders(STREAM_HEADERS, nodeHeaders(response));
    return endResponse(response, 200, undefined);
  }
  const { status, headers, text } = serializeReply(admission.reply, {});
  writeHeaders(headers, nodeHeaders(response));
  endResponse(response, status, text);
}
