import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A proxy that sends each connection to the next process, and cuts all of them when it is told to. */
export interface Cutter {
  readonly url: string;
  /** Connections so far. */
  readonly connections: number;
  cut(): void;
  close(): Promise<void>;
}

export async function startCutter(urls: readonly string[]): Promise<Cutter> {
  const open = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const { port } = new URL(urls[connections++ % urls.length] ?? "");
    const upstream = connect(Number(port), "127.0.0.1");
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
