import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpServer {
  /** Base URL on loopback. */
  readonly url: string;
  /** Accepts no new requests and waits for those in flight, at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** Starts an HTTP server on loopback. @param port 0 for any free port */
export async function startServer(handler: RequestListener, port: number): Promise<HttpServer> {
  const server = createServer(handler);
  let closing = false;
  server.on("request", (_request, response) => {
    // Keep-alive clients keep their connection for the next request, which will not come once the server closes.
    response.once("close", () => {
      if (closing) server.closeIdleConnections();
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${address.port}`,
    async close(graceMs) {
      closing = true;
      const closed = once(server, "close");
      server.close();
      const timer = setTimeout(() => server.closeAllConnections(), graceMs);
      await closed;
      clearTimeout(timer);
    },
  };
}
