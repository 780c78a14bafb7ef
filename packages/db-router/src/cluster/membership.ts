import type { DbNode } from "../types.js";
import type { NodeEntry } from "./node-state.js";
import type { Fleet } from "./node-registry.js";
import { pause, type Poller } from "./poller.js";

export interface Members {
  add(node: DbNode): Promise<void>;
  /** Gives it nothing more, waits for what it has, and lets go of it. */
  remove(name: string, drainMs: number): Promise<void>;
  /** The same for all; they must get nothing any more. */
  close(drainMs: number): Promise<void>;
}

/** Between two looks at what is still under way. */
const LOOK_MS = 5;
/** For a pool to end: a frozen server never says goodbye. */
const END_MS = 2_000;

/** Takes nodes in and lets them go. A pool without a listener for its errors ends the process. */
export function createMembers(fleet: Fleet, poller: Poller): Members {
  const listeners = new Map<NodeEntry, (error: Error) => void>();

  function watch(entry: NodeEntry): void {
    const listener = (): void => {
      fleet.lost(entry);
      void poller.poll(entry);
    };
    listeners.set(entry, listener);
    entry.node.pool.on("error", listener);
  }

  async function release(entry: NodeEntry): Promise<void> {
    const listener = listeners.get(entry);
    listeners.delete(entry);
    // Ended first: its connections may break on the way.
    if (entry.node.isOwned) await Promise.race([entry.node.pool.end(), pause(END_MS)]);
    if (listener !== undefined) entry.node.pool.off("error", listener);
  }

  async function drain(entries: readonly NodeEntry[], drainMs: number): Promise<void> {
    const { clock } = fleet.options;
    const untilMs = clock.monotonic() + drainMs;
    while (entries.some((entry) => entry.inFlight > 0) && clock.monotonic() < untilMs) {
      await pause(LOOK_MS);
    }
  }

  fleet.entries.forEach(watch);
  return {
    async add(node) {
      const entry = fleet.add(node);
      watch(entry);
      await poller.poll(entry);
    },
    async remove(name, drainMs) {
      const entry = fleet.find(name);
      if (entry === undefined || entry.isDraining) return;
      entry.isDraining = true;
      fleet.assess();
      await drain([entry], drainMs);
      fleet.remove(entry);
      await release(entry);
    },
    async close(drainMs) {
      const { entries } = fleet;
      await drain(entries, drainMs);
      await Promise.all(entries.map(release));
    },
  };
}
