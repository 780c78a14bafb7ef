import type { Clock } from "@scale/core";
import { inRootContext } from "@scale/core/kit";
import { nodeEject, nodeReturn, primaryChange } from "../events.js";
import type { Lsn } from "../postgres/lsn.js";
import type { NodeStatus } from "../postgres/status.js";
import type { DbNode, NodeLoss } from "../types.js";
import { candidatesOf, type EligibilityRules, findIneligibleReason, keepServing } from "./eligibility.js";
import { createLagHistory, type LagHistory } from "./lag.js";
import { isSilent, NodeLosses, updateLoss } from "./node-losses.js";
import { NodeState } from "./node-state.js";
import { type EjectionRules, halfOpenWhenDue, recordFailure, recordSuccess } from "./outlier-ejection.js";
import { electWriter, type Topology } from "./topology.js";

export interface NodeRegistryOptions {
  /** Name of the router, in events. */
  readonly name: string;
  readonly primary: DbNode;
  readonly replicas: readonly DbNode[];
  readonly eligibility: EligibilityRules;
  readonly ejection: EjectionRules;
  /** Number of replicas that keep serving, whatever their lag. */
  readonly minServing: number;
  /** Time after which the replies of an unreachable node are no longer awaited. */
  readonly giveUpMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * State of all nodes, and the decisions that follow from it: the writer, the eligible replicas, the sample of the
 * primary's log. No I/O: polls and statements record their results here.
 *
 * Ticks number the polls. A scope remembers the tick at which a write or read ended. A sample covers that write if its
 * poll began at a later tick. No clocks are compared, so clock resolution does not matter.
 */
export class NodeRegistry {
  readonly options: NodeRegistryOptions;
  nodes: readonly NodeState[];
  /** Number of the poll that began last. */
  tick = 0;
  /** Last sample of the primary's log, and the tick at which its poll began; -1 before the first one of this primary. */
  sampleLsn: Lsn = -1;
  sampleTick = -1;
  /** Counts the timelines seen. A position of an earlier timeline cannot be compared. */
  epoch = 0;
  /** A sample of the new primary that began after this tick covers every read and write of earlier epochs. */
  epochTick = 0;
  topology: Topology = { systemId: undefined, timeline: 0, writer: undefined, isForked: false };
  /** Node that takes writes. */
  writer: NodeState | undefined;
  /**
   * Position of the log that every serving replica has reached at least once: what was committed when this process started.
   * Without it, a new session could read a state from before, for example a missing tenant.
   */
  floorLsn: Lsn = -1;
  readonly #configured: NodeState;
  /** The writer, or the node that took writes last. */
  #lastWriter: NodeState;
  readonly #history: LagHistory;
  readonly #changeListeners = new Set<() => void>();
  readonly #losses = new NodeLosses();

  constructor(options: NodeRegistryOptions) {
    this.options = options;
    this.nodes = [options.primary, ...options.replicas].map((dbNode) => new NodeState(dbNode));
    this.#configured = this.nodes[0] as NodeState;
    this.writer = this.#lastWriter = this.#configured;
    this.#history = createLagHistory(options.eligibility.maxMs);
  }

  /** @returns the tick of a poll that begins now */
  beginPoll(): number {
    this.tick += 1;
    return this.tick;
  }

  recordPoll(node: NodeState, status: NodeStatus, poll: { tick: number; atMs: number }): void {
    node.pollFailures = 0;
    node.pollError = undefined;
    if (poll.tick > node.polledTick) {
      // If a standby's replay position goes backwards, it was restored or crashed. Sessions that read from it have
      // already seen newer data.
      if (status.isStandby && status.lsn < node.lsn) node.lostTick = this.tick;
      node.status = status;
      node.polledTick = poll.tick;
      node.lsn = status.lsn;
      node.polledAtMs = this.options.clock.monotonic();
    }
    this.#elect();
    if (node === this.writer && !status.isStandby && poll.tick > this.sampleTick) {
      this.sampleTick = poll.tick;
      this.sampleLsn = status.lsn;
      if (this.floorLsn < 0) this.floorLsn = status.lsn;
      this.#history.add(status.lsn, poll.atMs);
    }
    this.reassess();
  }

  recordPollFailure(node: NodeState, error: unknown): void {
    node.pollFailures += 1;
    node.pollError = error;
    this.#elect();
    this.reassess();
  }

  /** Records a statement that failed through the server's fault. The node serves again after its next good poll. */
  recordFailure(node: NodeState): void {
    const { clock, ejection, random } = this.options;
    node.health = recordFailure(node.health, ejection, { ms: clock.monotonic(), random: random() });
    this.recordConnectionLoss(node);
  }

  /** Records a broken connection. Earlier polls of the node no longer count. */
  recordConnectionLoss(node: NodeState): void {
    node.lostTick = this.tick;
    this.reassess();
  }

  recordSuccess(node: NodeState): void {
    if (node.health.state === "healthy" && node.health.failures === 0) return;
    node.health = recordSuccess(node.health, this.options.clock.monotonic);
    this.reassess();
  }

  /** Records a position that the replica has confirmed to have replayed. */
  recordReplayed(node: NodeState, lsn: Lsn): void {
    if (lsn > node.lsn && node.ineligibleReason === undefined) node.lsn = lsn;
    this.reassess();
  }

  add(dbNode: DbNode): NodeState {
    const node = new NodeState(dbNode);
    this.nodes = [...this.nodes, node];
    return node;
  }

  remove(node: NodeState): void {
    this.nodes = this.nodes.filter((each) => each !== node);
    this.#elect();
    this.reassess();
  }

  find(name: string): NodeState | undefined {
    return this.nodes.find((node) => node.name === name);
  }

  /** Decides again which nodes may serve: after a change, or when time has passed. */
  reassess(): void {
    const nowMs = this.options.clock.monotonic();
    const { eligibility: rules, giveUpMs, minServing } = this.options;
    const before = this.nodes.map((node) => node.ineligibleReason);
    for (const node of this.nodes) {
      node.health = halfOpenWhenDue(node.health, nowMs);
      const lag = node.status?.isStandby === true ? this.#history.of(node.lsn, nowMs) : undefined;
      if (lag !== node.lag) node.setLag(lag);
      node.ineligibleReason = findIneligibleReason(node, this.topology, { rules, floorLsn: this.floorLsn, nowMs });
    }
    keepServing(this.nodes, minServing);
    for (const node of this.nodes) {
      node.isServingReads =
        node.ineligibleReason === undefined && node !== this.writer && node.status?.isStandby === true;
    }
    let isChanged = false;
    this.nodes.forEach((node, index) => {
      isChanged = updateLoss(node, { writer: this.writer, nowMs, giveUpMs }) || isChanged;
      if (node.ineligibleReason === before[index]) return;
      isChanged = true;
      // The state of a node concerns every tenant, also when a statement of one has found it out.
      inRootContext(() => this.#publishChange(node));
    });
    if (isChanged) inRootContext(() => this.#publishLosses());
    for (const listener of this.#changeListeners) listener();
  }

  /** @returns a function that removes the listener */
  onChange(listener: () => void): () => void {
    this.#changeListeners.add(listener);
    return () => void this.#changeListeners.delete(listener);
  }

  /** @returns a function that removes the listener */
  onEject(listener: (loss: NodeLoss) => void): () => void {
    return this.#losses.add(listener);
  }

  /** The last writer while it is silent and has no successor: no other node could serve a write either. */
  get silentWriter(): NodeState | undefined {
    return this.writer === undefined && isSilent(this.#lastWriter) ? this.#lastWriter : undefined;
  }

  /** Why there is no writer: the error of the last poll of the node that took writes last. */
  get writerError(): unknown {
    return this.#lastWriter.pollError;
  }

  /** Requires of every serving replica what the primary has by its last sample. */
  raiseFloor(): void {
    this.floorLsn = Math.max(this.floorLsn, this.sampleLsn);
    this.reassess();
  }

  #elect(): void {
    const { failures } = this.options.eligibility;
    const configured = this.#configured;
    // A replica of another cluster may answer first and must not define the cluster.
    const isSettled = configured.status !== undefined || configured.pollFailures >= failures;
    if (this.topology.systemId === undefined && !isSettled) return;
    const { timeline, writer } = this.topology;
    this.topology = electWriter(candidatesOf(this.nodes, failures), this.topology);
    if (this.topology.timeline !== timeline) {
      this.epoch += 1;
      this.epochTick = this.tick;
      // Positions of another timeline cannot be compared.
      if (timeline > 0) this.floorLsn = 0;
    }
    if (this.topology.timeline !== timeline || this.topology.writer !== writer) {
      this.sampleTick = -1;
      this.#history.clear();
    }
    // The configured primary counts as the writer until its first poll.
    const presumed = configured.status === undefined && !isSettled ? configured : undefined;
    const next = this.nodes.find((node) => node.name === this.topology.writer) ?? presumed;
    const from = this.writer?.name;
    if (from === next?.name) return;
    this.writer = next;
    if (next !== undefined) this.#lastWriter = next;
    const change = { router: this.options.name, from, to: next?.name, timeline: this.topology.timeline };
    inRootContext(() => primaryChange.publish(() => change));
  }

  #publishChange(node: NodeState): void {
    const { ineligibleReason } = node;
    const { name: router } = this.options;
    if (ineligibleReason === undefined) return nodeReturn.publish(() => ({ router, node: node.name }));
    nodeEject.publish(() => ({ router, node: node.name, reason: ineligibleReason, cause: node.pollError }));
  }

  /** With any other reason a node can still answer its running statements. */
  #publishLosses(): void {
    for (const node of this.nodes) if (node.ineligibleReason === "unreachable") this.#losses.publish(node);
  }
}
