import { inRootContext } from "@scale/core/kit";
import type { NodeRegistry } from "./node-registry.js";
import type { NodeState } from "./node-state.js";
import { isOutOfConnections, needsNewConnection, queryStatus } from "./status-query.js";

interface Polls {
  current: Promise<void> | undefined;
  next: Promise<void> | undefined;
  probedAtMs: number;
}

/** Polls nodes, single-flight per node, and records each result in the registry. */
export class NodePolls {
  isStopped = false;
  readonly #registry: NodeRegistry;
  readonly #options: { readonly timeoutMs: number; readonly probeMs: number };
  readonly #polls = new WeakMap<NodeState, Polls>();
  readonly #running = new Set<Promise<void>>();

  constructor(registry: NodeRegistry, options: { readonly timeoutMs: number; readonly probeMs: number }) {
    this.#registry = registry;
    this.#options = options;
  }

  /** Polls the node with a query that begins after this call; callers that arrive meanwhile share it. Never rejects. */
  poll(node: NodeState): Promise<void> {
    if (this.isStopped) return Promise.resolve();
    const polls = this.#of(node);
    if (polls.current === undefined) return this.#begin(node);
    return (polls.next ??= polls.current.then(() => {
      polls.next = undefined;
      return this.poll(node);
    }));
  }

  /** Joins the poll that is running, or begins one. Never rejects. */
  join(node: NodeState): Promise<void> {
    return this.#of(node).current ?? this.#begin(node);
  }

  /** Resolves when no poll is running. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.#running);
  }

  #of(node: NodeState): Polls {
    const known = this.#polls.get(node);
    if (known !== undefined) return known;
    const polls: Polls = { current: undefined, next: undefined, probedAtMs: -Infinity };
    this.#polls.set(node, polls);
    return polls;
  }

  #begin(node: NodeState): Promise<void> {
    const polls = this.#of(node);
    const work = async (): Promise<void> => {
      // The first failure may come from one old connection; a new one shows whether the server is at fault.
      if (!(await this.#query(node)) && !this.isStopped) await this.#query(node);
    };
    // Shared with every caller that asks meanwhile, and it may open a connection that the pool lends to any of them.
    const current = inRootContext(work).finally(() => {
      polls.current = undefined;
      this.#running.delete(current);
    });
    polls.current = current;
    this.#running.add(current);
    return current;
  }

  /** Sends one status query. @returns false when a second one may tell more */
  async #query(node: NodeState): Promise<boolean> {
    const { timeoutMs, probeMs } = this.#options;
    const polls = this.#of(node);
    const atMs = this.#registry.options.clock.monotonic();
    const isNew = needsNewConnection(node, atMs - polls.probedAtMs >= probeMs);
    if (isNew) polls.probedAtMs = atMs;
    const tick = this.#registry.beginPoll();
    try {
      this.#registry.recordPoll(node, await queryStatus(node, isNew, timeoutMs), { tick, atMs });
      return true;
    } catch (error) {
      // Published as an ejection when it repeats. A server without a free connection slot is alive.
      if (!isOutOfConnections(error)) this.#registry.recordPollFailure(node, error);
      return isOutOfConnections(error) || node.pollFailures > 1;
    }
  }
}
