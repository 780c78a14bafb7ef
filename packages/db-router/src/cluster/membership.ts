import { setTimeout as sleep } from "node:timers/promises";
import type { DbNode } from "../types.js";
import type { NodeRegistry } from "./node-registry.js";
import type { NodeState } from "./node-state.js";
import type { Poller } from "./poller.js";

export interface Membership {
  add(node: DbNode): Promise<void>;
  /** Drains the node: it receives no new statements, and its pool ends after the running ones, or after `drainMs`. */
  remove(name: string, drainMs: number): Promise<void>;
  /** Drains all nodes. The caller stops new statements first. */
  close(drainMs: number): Promise<void>;
}

/** Interval at which draining checks for running statements. */
const DRAIN_CHECK_MS = 5;
/** Time for a pool to end. The connections of a frozen server never close. */
const END_MS = 2_000;

/** Adds and removes nodes, and listens for the errors of their pools: without a listener one would end the process. */
export function createMembership(registry: NodeRegistry, poller: Poller): Membership {
  const listeners = new Map<NodeState, (error: Error) => void>();

  function watch(node: NodeState): void {
    const listener = (): void => {
      registry.recordConnectionLoss(node);
      void poller.poll(node);
    };
    listeners.set(node, listener);
    node.dbNode.pool.on("error", listener);
  }

  async function endPool(node: NodeState): Promise<void> {
    const { isOwned, pool } = node.dbNode;
    const listener = listeners.get(node);
    listeners.delete(node);
    // The listener stays until the pool has ended: connections may break meanwhile.
    node.dbNode.polls?.end();
    if (isOwned) await settleWithin(pool.end(), END_MS);
    if (listener !== undefined) pool.off("error", listener);
  }

  async function drain(nodes: readonly NodeState[], drainMs: number): Promise<void> {
    const { clock } = registry.options;
    const untilMs = clock.monotonic() + drainMs;
    while (nodes.some((node) => node.inFlight > 0) && clock.monotonic() < untilMs) {
      await sleep(DRAIN_CHECK_MS);
    }
  }

  registry.nodes.forEach(watch);
  return {
    async add(dbNode) {
      const node = registry.add(dbNode);
      watch(node);
      await poller.poll(node);
    },
    async remove(name, drainMs) {
      const node = registry.find(name);
      if (node === undefined || node.isDraining) return;
      node.isDraining = true;
      registry.reassess();
      await drain([node], drainMs);
      registry.remove(node);
      await endPool(node);
    },
    async close(drainMs) {
      const { nodes } = registry;
      await drain(nodes, drainMs);
      await Promise.all(nodes.map(endPool));
    },
  };
}

/** Resolves when `work` has settled or `ms` have passed. It keeps the process alive: a caller awaits it. */
async function settleWithin(work: Promise<unknown>, ms: number): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([
    work.finally(() => timeout.abort()),
    sleep(ms, undefined, { signal: timeout.signal }).catch(() => undefined),
  ]);
}
