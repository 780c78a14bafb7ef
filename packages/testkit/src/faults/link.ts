import { connect, type Socket } from "node:net";
import { type Admission, type LaneFaults, openLane } from "./lane.js";
import type { FaultProxyStats } from "./stats.js";

const CUT_DELAY_MS = 5;

/** The current faults of a proxy, and its counters. */
export interface ProxyState extends LaneFaults {
  readonly stats: FaultProxyStats;
  readonly links: Set<Link>;
  isHole: boolean;
  /** Bytes from the target until the next cut. */
  cutIn: number | undefined;
}

/** A client's connection and the one to the target; a client that a black hole accepted has none. */
export interface Link {
  readonly client: Socket;
  readonly upstream: Socket | undefined;
  isHole: boolean;
}

export function openLink(client: Socket, to: { host: string; port: number }, state: ProxyState): void {
  const upstream = state.isHole ? undefined : connect({ ...to, allowHalfOpen: true, noDelay: true });
  const link: Link = { client, upstream, isHole: state.isHole };
  state.links.add(link);
  state.stats.connections++;
  state.stats.open++;
  client.once("close", () => {
    state.links.delete(link);
    state.stats.open--;
  });
  // An orderly end goes through the lanes. This is for other ends, such as a target that refuses.
  client.once("error", () => cutLink(link));
  if (!upstream) {
    client.resume(); // Swallows.
    return;
  }
  upstream.once("error", () => {
    if (!link.isHole) cutLink(link);
  });
  // A client that finds bytes and RST at once may take it for an end in order (libuv does), so the bytes get a head start.
  const cut = (): void => void setTimeout(() => cutLink(link), CUT_DELAY_MS);
  const ends = { cut, isHole: () => link.isHole };
  openLane({ ...ends, from: client, to: upstream, admit: (bytes) => admitUp(link, state, bytes) }, state);
  openLane({ ...ends, from: upstream, to: client, admit: (bytes) => admitDown(link, state, bytes) }, state);
}

/** Cuts with RST: the other side reads an error, not an end. */
export function cutLink({ client, upstream }: Link): void {
  client.resetAndDestroy();
  if (upstream?.connecting) upstream.destroy();
  else upstream?.resetAndDestroy();
}

function admitUp(link: Link, { stats }: ProxyState, bytes: number): Admission {
  if (link.isHole) return { bytes: 0, isLast: false };
  stats.bytesUp += bytes;
  return { bytes, isLast: false };
}

function admitDown(link: Link, state: ProxyState, bytes: number): Admission {
  if (link.isHole) return { bytes: 0, isLast: false };
  const { cutIn = Number.POSITIVE_INFINITY } = state;
  const admitted = Math.min(bytes, cutIn);
  const isLast = admitted === cutIn;
  state.stats.bytesDown += admitted;
  if (isLast) state.cutIn = undefined;
  else if (state.cutIn !== undefined) state.cutIn -= admitted;
  return { bytes: admitted, isLast };
}
