import type { ServerResponse } from "node:http";

const EVENTS = "text/event-stream";

/** True for a stream of server-sent events: by its type, or by what the client asked for when headers were written raw. */
export function isStream(response: ServerResponse): boolean {
  const type = response.getHeader("content-type");
  if (type !== undefined) return String(type).includes(EVENTS);
  return response.headersSent && response.req.headers.accept?.includes(EVENTS) === true;
}
