import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { inRootContext } from "@scale/core/kit";
import { followListener } from "./follow-listener.js";
import { isStream } from "./is-stream.js";
import type { KeepAliveServer } from "./keep-alive.js";

/** The part of a server of `node:http`, `node:https` or `node:http2` that a drain uses. */
export interface HttpServerLike extends KeepAliveServer, EventEmitter {
  close(callback?: (error?: Error) => void): unknown;
  /** Missing in `node:http2`. */
  closeIdleConnections?(): void;
  closeAllConnections?(): void;
}

/** A session of HTTP/2. */
interface Session {
  close(): void;
  destroy(): void;
  once(event: "close", listener: () => void): unknown;
}

/** A connection without a request so far gets this long to send one when the server stops. */
const FIRST_REQUEST_MS = 500;

/** Follows what is open on one server. */
export class ServerTracker {
  readonly server: HttpServerLike;
  readonly #responses = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  /** Sockets that have left HTTP: WebSockets, tunnels. */
  readonly #upgraded = new Set<Socket>();
  /** Sockets that have sent a request. */
  readonly #used = new WeakSet<Socket>();
  readonly #sessions = new Set<Session>();
  #state: "serving" | "closing" | "stopped" = "serving";
  #stopped: Promise<void> | undefined;

  constructor(server: HttpServerLike) {
    this.server = server;
    // First, so that the header is set before a handler sends the headers.
    server.prependListener("request", this.#onRequest);
    server.prependListener("connection", this.#onSocket);
    server.prependListener("secureConnection", this.#onSocket);
    server.prependListener("session", this.#onSession);
    server.on("listening", this.#onListening);
    followListener(server, "upgrade", this.#onUpgrade);
    followListener(server, "connect", this.#onUpgrade);
    // Requests with `Expect`, which are no `request` for a server that handles them itself.
    followListener(server, "checkContinue", this.#onRequest);
    followListener(server, "checkExpectation", this.#onRequest);
  }

  /** From now on every response asks its client to close the connection. Connections are accepted as before. */
  startClosing(): void {
    if (this.#state === "serving") this.#state = "closing";
    for (const response of this.#responses) askToClose(response);
  }

  /** Stops to listen and closes idle connections. Resolves when the last connection is closed. */
  stop(): Promise<void> {
    this.#stopped ??= new Promise((resolve) => {
      this.startClosing();
      this.#state = "stopped";
      stopListening(this.server, resolve);
      this.#closeIdle();
      for (const session of this.#sessions) session.close();
      inRootContext(() => setTimeout(() => this.#closeUnused(), FIRST_REQUEST_MS).unref());
    });
    return this.#stopped;
  }

  /** Ends streams, which would never end by themselves. @returns their number */
  endStreams(): number {
    const streams = [...this.#responses].filter((response) => isStream(response));
    for (const response of streams) {
      // A handler that writes once more before it hears of the end would otherwise end the process.
      response.on("error", () => undefined);
      response.end();
    }
    for (const socket of this.#upgraded) socket.end();
    return streams.length + this.#upgraded.size;
  }

  /** Closes all that is left. @returns the number of requests that are cut off */
  destroy(): number {
    const cut = [...this.#responses].filter((response) => !response.writableFinished && !isStream(response)).length;
    this.server.closeAllConnections?.();
    for (const socket of this.#sockets) socket.destroy();
    for (const session of this.#sessions) session.destroy();
    return cut;
  }

  /** A process that is told to end while it starts may begin to listen after that. */
  readonly #onListening = (): void => {
    if (this.#state === "stopped") stopListening(this.server, () => undefined);
  };

  readonly #onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.httpVersionMajor < 2) {
      // A server that is found at its first request has connections that were never announced.
      this.#onSocket(request.socket);
      this.#used.add(request.socket);
    }
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      // Its headers may have been sent before the drain, without the request to close.
      if (this.#state === "stopped") setImmediate(() => this.#closeIdle());
    });
    if (this.#state !== "serving") askToClose(response);
  };

  readonly #onSocket = (socket: Socket): void => {
    if (this.#sockets.has(socket)) return;
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      this.#upgraded.delete(socket);
    });
  };

  readonly #onUpgrade = (_request: IncomingMessage, socket: Socket): void => {
    this.#onSocket(socket);
    this.#used.add(socket);
    this.#upgraded.add(socket);
    if (this.#state === "stopped") socket.end();
  };

  readonly #onSession = (session: Session): void => {
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
    if (this.#state === "stopped") session.close();
  };

  /**
   * Node takes a connection for idle as soon as its response was ended, and destroys it with the part that a slow client has
   * not received yet. So idle connections wait until every response is out.
   */
  #closeIdle(): void {
    const isFlushing = [...this.#responses].some((response) => response.writableEnded && !response.writableFinished);
    if (!isFlushing) this.server.closeIdleConnections?.();
  }

  /** Node counts a connection that has never sent a request neither as idle nor as active. */
  #closeUnused(): void {
    for (const socket of this.#sockets) {
      const isUnused = !this.#used.has(socket) && (socket.bytesRead === 0 || "encrypted" in socket);
      if (isUnused) socket.destroy();
    }
  }
}

/**
 * Closes the listening socket alone: `close` of a server of `node:http` closes idle connections too, see `#closeIdle`. A server
 * that does not listen any more calls back when its last connection is closed.
 */
function stopListening(server: HttpServerLike, onClosed: () => void): void {
  if (server.closeIdleConnections !== undefined && server instanceof NetServer) {
    NetServer.prototype.close.call(server, () => onClosed());
  } else server.close(() => onClosed());
}

/** HTTP/2 has no such header: its sessions are told to end. */
function askToClose(response: ServerResponse): void {
  if (response.headersSent || response.req.httpVersionMajor >= 2) return;
  response.setHeader("connection", "close");
}
