import { connect, type Socket } from "node:net";
import { waitUntil } from "@scale/testkit";

/** Occurs once in each event. */
const MARK = "~".charCodeAt(0);
/** Connections that are opened at once. */
const AT_ONCE = 100;

/** Clients that count events, as cheaply as possible: they share the machine with the server. */
export interface Clients {
  /** Events that have arrived at all clients together. */
  readonly received: number;
  /** A client that reads nothing from now on. */
  stall(): Promise<void>;
  close(): void;
}

export async function openClients(url: string, count: number): Promise<Clients> {
  const { port } = new URL(url);
  const sockets: Socket[] = [];
  let received = 0;
  let heads = 0;

  function onData(chunk: Buffer): void {
    for (let at = chunk.indexOf(MARK); at !== -1; at = chunk.indexOf(MARK, at + 1)) received++;
  }

  function open(): void {
    const socket = connect(Number(port), "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.write("GET /?topic=news HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n");
    socket.once("data", () => {
      heads++;
      socket.on("data", onData);
    });
  }

  for (let opened = 0; opened < count; opened += AT_ONCE) {
    for (let i = opened; i < Math.min(count, opened + AT_ONCE); i++) open();
    const wanted = sockets.length;
    await waitUntil(() => heads === wanted, { what: `${wanted} connections`, timeoutMs: 60_000, everyMs: 2 });
  }
  return {
    get received() {
      return received;
    },
    async stall() {
      open();
      const wanted = sockets.length;
      await waitUntil(() => heads === wanted, { what: "the connection that stalls" });
      sockets.at(-1)?.pause();
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}
