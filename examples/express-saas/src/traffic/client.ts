import { type Agent, request as httpRequest } from "node:http";
import { json } from "node:stream/consumers";

const TIMEOUT_MS = 5000;

export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** `undefined` for an answer without one. */
  readonly body: unknown;
}

/** Sends one request over the agent's connections. */
export function send(url: string, agent: Agent, { method, path, headers, body }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, agent, signal: AbortSignal.timeout(TIMEOUT_MS), headers: { ...headers } };
    if (body !== undefined) Object.assign(options.headers, { "content-type": "application/json" });
    const request = httpRequest(new URL(path, url), options, (response) => {
      const status = response.statusCode ?? 0;
      const read = status === 204 ? Promise.resolve(response.resume()).then(() => undefined) : json(response);
      read.then((content) => resolve({ status, body: content }), reject);
    });
    request.once("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
