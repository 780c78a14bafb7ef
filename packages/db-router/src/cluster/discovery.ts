import { ConfigError } from "@scale/core";
import { withDeadline } from "@scale/core/kit";
import { discoveryFail } from "../events.js";
import type { DiscoveryOptions } from "../options.js";
import type { DbNode } from "../types.js";
import type { Membership } from "./membership.js";
import type { NodeRegistry } from "./node-registry.js";

/**
 * Keeps the members of the cluster in step with `discover`, from now on. The configured nodes always stay.
 * @param options `drainMs`: time for the running statements of a node that is no longer listed
 * @returns a function that stops it
 */
export function startDiscovery(
  registry: NodeRegistry,
  membership: Membership,
  options: Required<DiscoveryOptions> & { readonly drainMs: number },
): () => void {
  const { discover, everyMs, drainMs } = options;
  const { name: router, random } = registry.options;
  const found = new Map<string, DbNode>();
  // An ended pool never serves again.
  const ended = new WeakSet<DbNode>();
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function addIfNew(node: DbNode): Promise<void> {
    const known = registry.find(node.name)?.dbNode;
    if (known === undefined) {
      if (ended.has(node)) throw new ConfigError(`discover: the pool of ${node.name} has been ended`);
      found.set(node.name, node);
      await membership.add(node);
    } else if (known !== node && node.isOwned) {
      // A second pool of a known node belongs to the router and is not needed.
      await node.pool.end();
    }
  }

  async function run(): Promise<void> {
    try {
      // Without a deadline one call that never settles would end discovery.
      const nodes = await withDeadline(discover(), everyMs, "discover");
      if (isStopped) return;
      if (nodes.length === 0) throw new Error("discover: expected at least one node, got an empty list");
      const listed = new Set(nodes.map((node) => node.name));
      const gone = [...found.values()].filter((node) => !listed.has(node.name));
      for (const node of gone) {
        found.delete(node.name);
        if (node.isOwned) ended.add(node);
      }
      await Promise.all([...nodes.map(addIfNew), ...gone.map(({ name }) => membership.remove(name, drainMs))]);
    } catch (error) {
      discoveryFail.publish(() => ({ router, error }));
    }
  }

  function schedule(): void {
    const turn = (): void => {
      void run().then(() => {
        if (!isStopped) schedule();
      });
    };
    timer = setTimeout(turn, everyMs * (0.75 + random() / 2)).unref();
  }

  void run();
  schedule();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
