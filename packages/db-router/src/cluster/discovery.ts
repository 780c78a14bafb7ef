import { ConfigError } from "@scale/core";
import { discoveryFail } from "../events.js";
import type { DbNode } from "../types.js";
import type { Fleet } from "./node-registry.js";
import type { Members } from "./membership.js";

export interface DiscoveryOptions {
  readonly discover: () => Promise<readonly DbNode[]>;
  readonly everyMs: number;
  /** For statements of a node that is no longer named. */
  readonly drainMs: number;
}

export interface Discovery {
  /** Asks once, now. Never rejects. */
  look(): Promise<void>;
  stop(): void;
}

/** Keeps the nodes that `discover` names beside those that the router was given. */
export function createDiscovery(fleet: Fleet, members: Members, options: DiscoveryOptions): Discovery {
  const { discover, everyMs, drainMs } = options;
  const { name: router, random } = fleet.options;
  const found = new Map<string, DbNode>();
  // A pool that was ended never serves again.
  const ended = new WeakSet<DbNode>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function adopt(node: DbNode): Promise<void> {
    const known = fleet.find(node.name)?.node;
    if (known === undefined) {
      if (ended.has(node)) throw new ConfigError(`discover: the pool of ${node.name} has been ended`);
      found.set(node.name, node);
      await members.add(node);
    } else if (known !== node && node.isOwned) {
      // A second pool for a node that we have: nobody else would end it.
      await node.pool.end();
    }
  }

  async function look(): Promise<void> {
    try {
      const nodes = await discover();
      if (isStopped) return;
      if (nodes.length === 0) throw new Error("discover named no node");
      const named = new Set(nodes.map((node) => node.name));
      const gone = [...found.values()].filter((node) => !named.has(node.name));
      for (const node of gone) {
        found.delete(node.name);
        if (node.isOwned) ended.add(node);
      }
      await Promise.all([...nodes.map(adopt), ...gone.map(({ name }) => members.remove(name, drainMs))]);
    } catch (error) {
      discoveryFail.publish(() => ({ router, error }));
    }
  }

  function schedule(): void {
    timer = setTimeout(
      () => {
        void look().then(() => {
          if (!isStopped) schedule();
        });
      },
      everyMs * (0.75 + random() / 2),
    ).unref();
  }

  void look();
  schedule();
  return {
    look,
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
