import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { withFreePort } from "../process/with-free-port.js";
import { cutLink, openLink, type ProxyState } from "./link.js";
import type { FaultProxyStats } from "./stats.js";

const HOST = "127.0.0.1";

/** A loopback port, an address, or a url, whose scheme, user and path `proxy.url` repeats. */
export type FaultTarget = number | string | { host?: string; port: number };

/** A TCP proxy on loopback that misbehaves on demand. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** The target's url with this proxy's address; `tcp://…` when the target was not a url. */
  readonly url: string;
  /** Delay of every byte, each way. May be set at any time. */
  latencyMs: number;
  /** Each way and for each connection; 0 is unlimited. May be set at any time. */
  bytesPerSecond: number;
  readonly stats: Readonly<FaultProxyStats>;
  /** Accepts and carries nothing, until `unstall` delivers what was held. */
  stall(): void;
  unstall(): void;
  /** Open connections swallow every byte for good, and new ones are accepted without an answer until `up`. */
  blackHole(): void;
  /** Cuts every open connection with RST; new ones work. */
  reset(): void;
  /** Cuts, with RST, the connection that carries the n-th byte from the target, counted from now over all. Once. */
  cutAfter(bytes: number): void;
  /** Refuses new connections and cuts the open ones with RST. */
  down(): Promise<void>;
  /** Ends `down`, `blackHole` and a pending `cutAfter`. */
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy in front of a server, which need not be up. The port stays the same through `down` and `up`. */
export async function startFaultProxy(target: FaultTarget): Promise<FaultProxy> {
  const to = addressOf(target);
  const stats: FaultProxyStats = { connections: 0, open: 0, bytesUp: 0, bytesDown: 0 };
  const state: State = {
    ...{ stats, links: new Set(), latencyMs: 0, bytesPerSecond: 0, isHole: false },
    ...{ gate: undefined, cutIn: undefined, openGate: () => {} },
  };
  // Half-open, because the end of a direction travels through its lane like the bytes before it.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => openLink(client, to, state));
  const port = await withFreePort((free) => listen(server, free));
  const url = new URL(to.url);
  url.host = `${HOST}:${port}`;
  return {
    host: HOST,
    port,
    url: url.href,
    stats,
    get latencyMs() {
      return state.latencyMs;
    },
    set latencyMs(ms) {
      state.latencyMs = ms;
    },
    get bytesPerSecond() {
      return state.bytesPerSecond;
    },
    set bytesPerSecond(rate) {
      state.bytesPerSecond = rate;
    },
    stall: () => stall(state),
    unstall: () => unstall(state),
    blackHole: () => blackHole(state),
    reset: () => reset(state),
    cutAfter: (bytes) => void (state.cutIn = bytes),
    down: () => down(server, state),
    up: () => up(server, port, state),
    close: () => close(server, state),
  };
}

interface State extends ProxyState {
  latencyMs: number;
  bytesPerSecond: number;
  gate: Promise<void> | undefined;
  openGate: () => void;
}

function stall(state: State): void {
  state.gate ??= new Promise((resolve) => {
    state.openGate = resolve;
  });
}

function unstall(state: State): void {
  state.gate = undefined;
  state.openGate();
}

function blackHole(state: State): void {
  state.isHole = true;
  for (const link of state.links) link.isHole = true;
}

function reset(state: State): void {
  for (const link of state.links) cutLink(link);
}

async function down(server: Server, state: State): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  reset(state);
  await closed;
}

async function close(server: Server, state: State): Promise<void> {
  unstall(state); // Otherwise a lane would wait for ever for a proxy that is gone.
  await down(server, state);
}

async function up(server: Server, port: number, state: State): Promise<void> {
  state.isHole = false;
  state.cutIn = undefined;
  if (!server.listening) await listen(server, port);
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, HOST);
  await once(server, "listening");
  return port;
}

function addressOf(target: FaultTarget): { host: string; port: number; url: string } {
  if (typeof target === "string") {
    const { hostname, port } = new URL(target);
    if (port === "") throw new TypeError(`startFaultProxy: no port in ${target}`);
    return { host: hostname, port: Number(port), url: target };
  }
  const { host = HOST, port } = typeof target === "number" ? { port: target } : target;
  return { host, port, url: `tcp://${host}:${port}` };
}
