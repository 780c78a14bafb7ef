import { once } from "node:events";
import { createServer } from "node:net";
import { ServerError } from "../server-error.js";

const FIRST = 10_240;
const LAST = 32_767;
const handedOut = new Set<number>();

/**
 * A loopback port without a listener, never the same twice in this process.
 *
 * It lies below the range from which kernels draw the source ports of outgoing connections. In that range any client may
 * take the port before the server binds it, and a client that retries against a server that is down can connect to itself.
 * @param fits refuses ports that the caller cannot use
 */
export async function freePort(fits: (port: number) => boolean = () => true): Promise<number> {
  for (let attempt = 0; attempt < 2_000; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (handedOut.has(port) || !fits(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new ServerError(`no free port between ${FIRST} and ${LAST}`);
}

/** @internal True when a server could listen on a loopback port now. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
