import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpServer {
  /** Base URL on loopback. */
  readonly url: string;
  readonly server: Server;
  /** Closes the server and cuts off all its connections. The drain of `@scale/health` comes first where requests count. */
  close(): Promise<void>;
}

/** Starts an HTTP server on loopback. @param port 0 for any free port */
export async function startServer(handler: RequestListener, port: number): Promise<HttpServer> {
  const server = createServer(handler);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    server,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
