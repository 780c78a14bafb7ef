import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A client on a raw socket, which sees what a balancer sees. */
export interface RawClient {
  readonly socket: Socket;
  send(text: string): void;
  /** All that was received so far. */
  received(): string;
  /** Resolves when the connection has ended, in whatever way. */
  readonly closed: Promise<unknown>;
}

export async function rawClient(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { socket, closed, received: () => text, send: (chunk) => void socket.write(chunk) };
}

export const GET = "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
