import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";

export interface Received {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

export interface ToSend {
  method?: string;
  /** Several values are sent as several lines. */
  headers?: Record<string, string | string[]>;
  body?: string;
}

/** Sends a request on a connection of its own and resolves when the answer begins. */
export function open(url: string, { method = "GET", headers = {}, body }: ToSend = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, resolve);
    sent.once("error", reject);
    sent.end(body);
  });
}

/** As `open`, with the whole answer. `fetch` would follow redirects and hide what was on the wire. */
export async function send(url: string, what?: ToSend): Promise<Received> {
  const response = await open(url, what);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/** Sends a request and leaves as soon as `reached` resolves, without waiting for an answer. */
export async function abandon(url: string, reached: Promise<unknown>): Promise<void> {
  const sent = request(url, { agent: false });
  const closed = new Promise((resolve) => {
    // The connection ends with an error, which is what was asked for.
    sent.on("error", () => undefined).once("close", resolve);
  });
  sent.end();
  await reached;
  sent.destroy();
  await closed;
}

/** Breaks off the connection of an answer that has begun. */
export async function leave(response: IncomingMessage): Promise<void> {
  const closed = new Promise((resolve) => {
    // The answer ends with an error, which is what was asked for.
    response.on("error", () => undefined).once("close", resolve);
  });
  response.destroy();
  await closed;
}

/**
 * Sends all requests at once on one connection, without waiting for answers, as a proxy with pipelining does.
 * @returns what came back, as it was on the wire
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
