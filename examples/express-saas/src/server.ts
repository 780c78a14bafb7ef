import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpServer {
  /** On loopback. */
  readonly url: string;
  /** Takes no more requests, and waits for those under way, at most `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** @param port 0 for any free one */
export async function startServer(handler: RequestListener, port: number): Promise<HttpServer> {
  const server = createServer(handler);
  let closing = false;
  server.on("request", (_request, response) => {
    // A client keeps its connection for the next request; once we are closing there is none.
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
