import type { Routing } from "../types.js";

/** What a router does for a piece of work: `createRouter` returns one. */
export interface Pinning extends Routing {
  /** Reads in `work` run on the primary. */
  primary<T>(work: () => T): T;
  /** Reads in `work` run on one replica, as long as one may serve them. */
  replica<T>(work: () => T): T;
}

/** The same router, for statements that all go one way, whoever runs them. */
export function pinned(router: Pinning, to: "primary" | "replica"): Routing {
  return {
    checkout: (need) => router[to](() => router.checkout(need)),
    primaryPool: () => router.primaryPool(),
    pools: () => router.pools(),
    onEject: (listener) => router.onEject(listener),
  };
}
