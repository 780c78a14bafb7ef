import { ConfigError } from "@scale/core";
import { describeValue, inRootContext, registerLive } from "@scale/core/kit";
import { startDiscovery } from "./cluster/discovery.js";
import { createMembership, type Membership } from "./cluster/membership.js";
import type { NodeRegistry } from "./cluster/node-registry.js";
import { createSessions, type Sessions } from "./consistency/sessions.js";
import { createTokens } from "./consistency/token.js";
import { isNode } from "./is-node.js";
import { parseRouterOptions, type RouterOptions } from "./options.js";
import { type ReadyOptions, waitUntilReady } from "./ready.js";
import { Dispatcher } from "./routing/dispatcher.js";
import { createRouterState } from "./routing/router-state.js";
import { healthOf, type RouterHealth, type RouterStats, statsOf } from "./stats.js";
import type { DbNode, Routing } from "./types.js";

export interface Router extends Routing, Sessions {
  readonly name: string;
  /**
   * Resolves after the first poll of every node, when at least one serves; with `caughtUp`, when replicas have caught up.
   * @throws {NoPrimaryError} when no node serves; `cause` is the error of the primary's last poll
   * @throws {TimeoutError} when a replica has not caught up in time
   */
  ready(options?: ReadyOptions): Promise<void>;
  /** Polls every node now. */
  refresh(): Promise<void>;
  /** The state of every node, as of the last poll. Sends nothing to a server. */
  health(): RouterHealth;
  stats(): RouterStats;
  /** Adds a node and resolves after its first poll. It becomes the writer if it is the primary. */
  addReplica(node: DbNode): Promise<void>;
  /**
   * Drains a node: stops new statements, waits up to `drainMs` (5000) for the running ones, and ends its pool if it is
   * owned.
   * @throws {ConfigError} for the node that takes writes
   */
  removeReplica(name: string, options?: { readonly drainMs?: number }): Promise<void>;
  /**
   * Rejects new statements, waits up to `drainMs` (5000) for the running ones, and ends owned pools. Idempotent.
   */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

const DRAIN_MS = 5_000;

/**
 * Creates a router that sends reads to replicas which have the reader's writes, and everything else to the primary.
 * Polling starts at once.
 * @throws {ConfigError} that names the invalid option
 */
export function createRouter(options: RouterOptions): Router {
  const parsed = parseRouterOptions(options);
  const state = createRouterState(parsed);
  const { registry, poller, scopes, changes } = state;
  const membership = createMembership(registry, poller);
  const dispatcher = new Dispatcher(state);
  const { ttlMs } = parsed.readYourWrites;
  const tokens = createTokens({ secrets: parsed.secrets, ttlMs, clock: parsed.clock });
  const { stopDiscovery, firstPoll } = inRootContext(() => {
    const stop = parsed.discovery && startDiscovery(registry, membership, { ...parsed.discovery, drainMs: DRAIN_MS });
    const polled = poller.pollAll();
    poller.start();
    return { stopDiscovery: stop, firstPoll: polled };
  });
  warnOfPoolSize(parsed);
  const unregister = registerLive("createRouter", parsed.name);
  let closed: Promise<void> | undefined;

  async function close(drainMs: number): Promise<void> {
    unregister();
    dispatcher.isClosed = true;
    stopDiscovery?.();
    changes.close();
    await poller.stop();
    await membership.close(drainMs);
  }

  return {
    name: parsed.name,
    checkout: (request) => dispatcher.checkout(request),
    primaryPool: () => (registry.writer ?? registry.nodes[0] ?? { dbNode: parsed.primary }).dbNode.pool,
    pools: () => registry.nodes.map(({ dbNode }) => dbNode.pool),
    onEject: (listener) => registry.onEject(listener),
    ...createSessions(scopes, { registry, poller, tokens, hasOwnSecret: parsed.hasOwnSecret }, parsed.consistency),
    ready: (ready) => waitUntilReady(state, firstPoll, ready),
    refresh: () => poller.pollAll(),
    health: () => healthOf(state),
    stats: () => statsOf(state),
    ...replicaMethods(registry, membership),
    close: ({ drainMs = DRAIN_MS } = {}) => (closed ??= close(drainMs)),
  };
}

/** A primary without its role has the larger pool of a replica, in every process. */
function warnOfPoolSize({ name, primary }: Pick<RouterOptions, "name" | "primary">): void {
  if (primary.sizedAs !== "replica") return;
  process.emitWarning(
    `${name}: expected pgNode({ role: "primary" }) for ${primary.name}, got a pool with the default size of a replica`,
    { type: "ScaleSetupWarning", code: "SCALE_SETUP_POOL" },
  );
}

function replicaMethods(registry: NodeRegistry, membership: Membership): Pick<Router, "addReplica" | "removeReplica"> {
  return {
    async addReplica(node) {
      if (!isNode(node)) {
        throw new ConfigError(`addReplica: expected a node, for example from pgNode(), got ${describeValue(node)}`);
      }
      if (registry.find(node.name) !== undefined) {
        throw new ConfigError(`addReplica: expected a new name, got ${describeValue(node.name)}, which is in use`);
      }
      await membership.add(node);
    },
    async removeReplica(name, { drainMs = DRAIN_MS } = {}) {
      if (registry.writer?.name === name) {
        throw new ConfigError(`removeReplica: expected a replica, got ${describeValue(name)}, which takes writes`);
      }
      await membership.remove(name, drainMs);
    },
  };
}
