import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";

let isWatching = false;

/**
 * Reads the address of each connection that the process accepts from now on. Node remembers an address that was read, and has
 * none of a connection that has closed: a client that hangs up at once would otherwise be counted by nothing. Later calls do
 * nothing. A connection with TLS has its address while it is open.
 */
export function watchPeerAddresses(): void {
  if (isWatching) return;
  isWatching = true;
  subscribe("net.server.socket", readAddress);
}

const readAddress = (message: unknown): void => {
  void (message as { readonly socket: Socket }).socket.remoteAddress;
};
