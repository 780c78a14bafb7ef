import type { ServerResponse } from "node:http";

/** True for the media type of server-sent events, with or without parameters. */
export const isEventStream = (type: unknown): boolean =>
  typeof type === "string" && /^\s*text\/event-stream\s*(?:;|$)/iu.test(type);

/** Calls back when the response begins as a stream of server-sent events. Node writes all headers through `writeHead`. */
export function onEventStream(response: ServerResponse, begun: () => void): void {
  const { writeHead }: Partial<ServerResponse> = response;
  if (writeHead === undefined) return;
  const watched: typeof response.writeHead = (...args: readonly unknown[]) => {
    const written = Reflect.apply(writeHead, response, args) as ServerResponse;
    if (isEventStream(typeIn(args.at(-1)) ?? response.getHeader("content-type"))) begun();
    return written;
  };
  response.writeHead = watched;
}

/** The content type among the headers that were passed to `writeHead`: an object, or a list of names and values. */
function typeIn(headers: unknown): unknown {
  if (typeof headers !== "object" || headers === null) return undefined;
  const list: readonly unknown[] = Array.isArray(headers) ? headers.flat() : Object.entries(headers).flat();
  const at = list.findIndex((name, index) => index % 2 === 0 && String(name).toLowerCase() === "content-type");
  return at === -1 ? undefined : list[at + 1];
}
