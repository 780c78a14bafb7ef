import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { inRootContext } from "@scale/core/kit";
import type { Frame } from "../delivery/frame.js";
import type { Sink } from "../delivery/sink.js";

/**
 * Writes to a response of `node:http` whose headers were flushed. Where nothing wraps the response, frames go to its socket,
 * framed as chunks once for all clients: `response.write` would frame each again.
 */
export function nodeSink(response: ServerResponse): Sink {
  const socket = directSocket(response);
  return socket === undefined ? responseSink(response) : socketSink(response, socket);
}

/**
 * The socket of a response that nothing stands in front of: no compression, not HTTP/2. A pipelined response has none before
 * its turn.
 */
function directSocket(response: ServerResponse): Socket | undefined {
  const isPlain = response.write === ServerResponse.prototype.write && response.end === ServerResponse.prototype.end;
  return isPlain && response.headersSent ? (response.socket ?? undefined) : undefined;
}

function socketSink(response: ServerResponse, socket: Socket): Sink {
  // Without chunks the bytes go as they are: to clients of HTTP/1.0, such as nginx by default.
  const { chunkedEncoding } = response;
  return {
    get pendingBytes() {
      return socket.writableLength;
    },
    get takenBytes() {
      return socket.bytesWritten - socket.writableLength;
    },
    write(frame) {
      if (socket.destroyed || !socket.writable) return;
      corkForTurn(socket);
      socket.write(chunkedEncoding ? frame.chunk : frame.bytes);
    },
    onDrain(listener) {
      socket.on("drain", listener);
      // The connection may serve further requests.
      response.once("close", () => socket.off("drain", listener));
    },
    end: () => endResponse(response),
    destroy: () => void response.destroy(),
  };
}

/** Sockets that were written to in this turn of the event loop. */
let corked: Socket[] = [];

/** Frames that are written in one turn leave together, with one call to the system: events mostly come several at once. */
function corkForTurn(socket: Socket): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  if (corked.push(socket) === 1) inRootContext(() => process.nextTick(uncorkAll));
}

function uncorkAll(): void {
  const sockets = corked;
  corked = [];
  for (const socket of sockets) socket.uncork();
}

function responseSink(response: ServerResponse): Sink {
  let written = 0;
  return {
    get pendingBytes() {
      return response.writableLength;
    },
    get takenBytes() {
      return written - response.writableLength;
    },
    write(frame: Frame) {
      if (response.destroyed || response.writableEnded) return;
      written += frame.bytes.length;
      response.write(frame.bytes);
      // Compression that the application insists on keeps bytes back until it is told to flush.
      if ("flush" in response && typeof response.flush === "function") response.flush();
    },
    onDrain: (listener) => void response.on("drain", listener),
    end: () => endResponse(response),
    destroy: () => void response.destroy(),
  };
}

function endResponse(response: ServerResponse): void {
  if (!response.destroyed && !response.writableEnded) response.end();
}
