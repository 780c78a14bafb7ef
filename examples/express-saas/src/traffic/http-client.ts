import { type Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { json, text } from "node:stream/consumers";

const TIMEOUT_MS = 5000;

export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** `undefined` for a response without a body, and for an export. */
  readonly body: unknown;
  /** Session token, sent with later requests to read the client's own writes. */
  readonly token?: string | undefined;
}

/** Sends one request over the agent's connections. */
export function send(url: string, agent: Agent, { method, path, headers, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, agent, signal: AbortSignal.timeout(TIMEOUT_MS), headers: { ...headers } };
    if (body !== undefined) Object.assign(options.headers, { "content-type": "application/json" });
    const request = httpRequest(new URL(path, url), options, (response) => {
      const status = response.statusCode ?? 0;
      const token = response.headers["x-db-token"]?.toString();
      read(response).then((content) => resolve({ status, body: content, token }), reject);
    });
    request.once("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function read(response: IncomingMessage): Promise<unknown> {
  const isExport = response.headers["content-type"]?.includes("ndjson") ?? false;
  if (response.statusCode !== 204 && !isExport) return json(response);
  await text(response);
  return undefined;
}
