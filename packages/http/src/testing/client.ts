import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

export interface ReceivedResponse {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface SendOptions {
  method?: string;
  /** Several values become several header lines. */
  headers?: Record<string, string | string[]>;
  body?: string;
}

/** Sends a request on its own connection and resolves when the response starts. */
export function open(url: string, { method = "GET", headers = {}, body }: SendOptions = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, resolve);
    sent.once("error", reject);
    sent.end(body);
  });
}

/** `open` that reads the whole response. `fetch` would follow redirects and hide the original response. */
export async function send(url: string, what?: SendOptions): Promise<ReceivedResponse> {
  const response = await open(url, what);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/**
 * Sends a request with exactly this target on a connection of its own: `fetch` and `node:http` would resolve its dot segments.
 * @returns status 0 when the server closed the connection without a response
 */
export async function sendTarget(
  url: string,
  target: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const lines = Object.entries({ host: hostname, connection: "close", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  socket.write(Buffer.from(`GET ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"));
  const raw = await text(socket).catch(() => "");
  const [head = "", ...body] = raw.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), text: body.join("\r\n\r\n") };
}

/** Sends a request and disconnects when `reached` resolves, without waiting for a response. */
export async function abortBeforeResponse(url: string, reached: Promise<unknown>): Promise<void> {
  const sent = request(url, { agent: false });
  const closed = new Promise((resolve) => {
    // The abort itself emits an error.
    sent.on("error", () => undefined).once("close", resolve);
  });
  sent.end();
  await reached;
  sent.destroy();
  await closed;
}

/**
 * Resolves when the server has noticed that the client of a request disconnected.
 * @param raw request of the framework: of `node:http`, one that wraps it, or a fetch `Request` whose signal aborts then
 */
export function disconnectSeen(raw: unknown): Promise<void> {
  if (raw instanceof Request) return eventOf((seen) => raw.signal.addEventListener("abort", seen, { once: true }));
  const request = raw as IncomingMessage & { readonly raw?: IncomingMessage };
  return eventOf((seen) => (request.raw ?? request).socket.once("close", seen));
}

const eventOf = (listen: (seen: () => void) => unknown): Promise<void> =>
  new Promise((resolve) => {
    listen(resolve);
  });

/** Disconnects during a response. */
export async function abortResponse(response: IncomingMessage): Promise<void> {
  const closed = new Promise((resolve) => {
    // The abort itself emits an error.
    response.on("error", () => undefined).once("close", resolve);
  });
  response.destroy();
  await closed;
}

/**
 * Sends all requests at once on one connection, without waiting for responses, as a proxy with pipelining does.
 * @returns the raw bytes of the responses, as a string
 */
export function pipelined(url: string, requests: readonly Record<string, string>[]): Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  for (const [index, headers] of requests.entries()) {
    const connection = index === requests.length - 1 ? "close" : "keep-alive";
    const lines = Object.entries({ host: hostname, connection, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }
  return text(socket);
}
