import type { IncomingMessage } from "node:http";

/** Time in milliseconds in which some bytes of a request body must arrive. */
const BODY_STALL_MS = 15_000;

const nothing = (): void => undefined;

/**
 * Closes the connection of a request whose body does not arrive: no byte in `stallMs`, while the handler has read all that came.
 * The handler then gets the error of a client that has disconnected.
 * @returns a function that ends the watch
 */
export function closeWhenBodyStalls(request: IncomingMessage | undefined, stallMs: number = BODY_STALL_MS): () => void {
  if (request === undefined || !waitsForBody(request)) return nothing;
  const { socket } = request;
  let received = socket.bytesRead;
  const check = (): void => {
    if (!waitsForBody(request)) return;
    // Bytes that the handler has not read fill the buffer, and then the client cannot send.
    const isStalled = socket.bytesRead === received && request.readableLength === 0;
    if (isStalled) return void request.destroy();
    received = socket.bytesRead;
    timer = wait();
  };
  const wait = (): NodeJS.Timeout => setTimeout(check, stallMs).unref();
  let timer = wait();
  return () => clearTimeout(timer);
}

/** True while bytes of the body are missing. A request of a serverless runtime has no socket, and its body has arrived. */
function waitsForBody({ complete, destroyed, headers, socket }: IncomingMessage): boolean {
  if (complete || destroyed || typeof (socket as Partial<typeof socket> | undefined)?.bytesRead !== "number")
    return false;
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}
