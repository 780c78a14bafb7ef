import { factsFromFetch, serializeReply } from "@scale/http/adapter";
import type { Hub } from "./hub.js";
import { admitStream } from "./http/admit.js";
import { STREAM_HEADERS } from "./http/headers.js";
import { parseSseOptions, type SseOptions } from "./http/options.js";
import { streamSink } from "./http/stream-sink.js";
import type { Principal } from "./types.js";

/**
 * Streams the topics of a request as the body of a fetch `Response`: Next, Hono, Bun, SvelteKit.
 * @throws {ConfigError} that names the wrong option
 */
export function sse<Data, P extends Principal, Tx>(
  hub: Hub<Data, P, Tx>,
  options: SseOptions<P> = {},
): (request: Request) => Promise<Response> {
  const parsed = parseSseOptions(hub, options);
  return async (request) => {
    const admission = await admitStream(hub, factsFromFetch(request), parsed);
    if (admission.is === "reply") {
      const { status, headers, text } = serializeReply(admission.reply, {});
      return new Response(text ?? null, { status, headers });
    }
    if (admission.is === "head") return new Response(null, { headers: STREAM_HEADERS });
    const { connection } = admission;
    const leave = (): void => connection.leave();
    const sink = streamSink(leave);
    // Through the request, which this listener keeps alive: the signal of a collected request no longer aborts.
    request.signal.addEventListener("abort", leave, { once: true });
    if (request.signal.aborted) leave();
    connection.start(sink);
    return new Response(sink.body, { headers: STREAM_HEADERS });
  };
}
