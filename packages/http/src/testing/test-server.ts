import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that runs. */
export interface TestServer {
  /** Without a slash at the end. */
  url: string;
  /** Resolves when every connection is closed. What is still open is cut off: a failed test may have left it waiting. */
  close: () => Promise<void>;
}

/** Serves a listener, an Express application too, on a free port of the loopback interface. */
export async function listen(listener: RequestListener): Promise<TestServer> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((failure) => (failure === undefined ? resolve() : reject(failure)));
        server.closeAllConnections();
      }),
  };
}
