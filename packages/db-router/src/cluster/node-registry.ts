import type { Clock } from "@scale/core";
import { describeValue } from "@scale/core/kit";
import { nodeEject, nodeReturn, type EjectReason, primaryChange } from "../events.js";
import { due, failed, type HealthRules, succeeded } from "./outlier-ejection.js";
import type { Lsn } from "../postgres/lsn.js";
import type { DbNode } from "../types.js";
import { NodeEntry } from "./node-state.js";
import { type FitnessRules, isReachable, unfit } from "./eligibility.js";
import { createLagHistory, type LagHistory } from "./lag.js";
import type { NodeStatus } from "../postgres/status.js";
import { electWriter, type Topology } from "./topology.js";

export interface FleetOptions {
  /** Of the router, in events. */
  readonly name: string;
  readonly primary: DbNode;
  readonly replicas: readonly DbNode[];
  readonly fitness: FitnessRules;
  readonly health: HealthRules;
  /** Replicas that go on serving however far they lag. */
  readonly minServing: number;
  readonly clock: Clock;
  readonly random: () => number;
}

/**
 * What is known of all nodes, and what follows from it. No I/O: polls report here.
 *
 * Polls are numbered by ticks, and what a scope has written or seen is remembered as the tick at which it was over. A
 * sample shows it if the poll began at a later tick: no clock is compared, so none can be too coarse.
 */
export class Fleet {
  readonly options: FleetOptions;
  entries: readonly NodeEntry[];
  /** Of the poll that began last. */
  tick = 0;
  /** The last sample of the primary's log, and the tick at which it began; -1: none since the primary became it. */
  sampleLsn: Lsn = -1;
  sampleTick = -1;
  /** Counts timelines: positions of an earlier one mean nothing. */
  epoch = 0;
  /** What a scope saw under an earlier epoch is in a sample of the new primary that began after this. */
  epochTick = 0;
  topology: Topology = { systemId: undefined, timeline: 0, writer: undefined, isForked: false };
  /** Where writes go. */
  writer: NodeEntry | undefined;
  readonly #configured: NodeEntry;
  readonly #history: LagHistory;
  readonly #changes = new Set<() => void>();
  readonly #ejections = new Set<(node: string) => void>();

  constructor(options: FleetOptions) {
    this.options = options;
    this.entries = [options.primary, ...options.replicas].map((node) => new NodeEntry(node));
    this.#configured = this.entries[0] as NodeEntry;
    this.writer = this.#configured;
    this.#history = createLagHistory(options.fitness.maxMs);
  }

  /** A poll begins. */
  begin(): number {
    this.tick += 1;
    return this.tick;
  }

  answered(entry: NodeEntry, status: NodeStatus, poll: { tick: number; atMs: number }): void {
    entry.pollFailures = 0;
    if (poll.tick > entry.tick) {
      // A standby that has less than it had was restored, or has crashed: who has read there has seen more.
      if (status.isStandby && status.lsn < entry.lsn) entry.lostAt = this.tick;
      entry.status = status;
      entry.tick = poll.tick;
      entry.lsn = status.lsn;
      entry.polledAtMs = this.options.clock.monotonic();
    }
    this.#elect();
    if (entry === this.writer && !status.isStandby && poll.tick > this.sampleTick) {
      this.sampleTick = poll.tick;
      this.sampleLsn = status.lsn;
      this.#history.add(status.lsn, poll.atMs);
    }
    this.assess();
  }

  pollFailed(entry: NodeEntry): void {
    entry.pollFailures += 1;
    this.#elect();
    this.assess();
  }

  /** A statement failed on it and the server is to blame. What is known of the node waits for the next poll. */
  failed(entry: NodeEntry): void {
    const { clock, health, random } = this.options;
    entry.health = failed(entry.health, health, { ms: clock.monotonic(), random: random() });
    this.lost(entry);
  }

  /** A connection broke. */
  lost(entry: NodeEntry): void {
    entry.lostAt = this.tick;
    this.assess();
  }

  succeeded(entry: NodeEntry): void {
    if (entry.health.is === "up" && entry.health.failures === 0) return;
    entry.health = succeeded(entry.health, this.options.clock.monotonic);
    this.assess();
  }

  /** A replica has said that it has replayed this much. */
  reached(entry: NodeEntry, lsn: Lsn): void {
    if (lsn > entry.lsn && entry.reason === undefined) entry.lsn = lsn;
    this.assess();
  }

  add(node: DbNode): NodeEntry {
    const entry = new NodeEntry(node);
    this.entries = [...this.entries, entry];
    return entry;
  }

  remove(entry: NodeEntry): void {
    this.entries = this.entries.filter((each) => each !== entry);
    this.#elect();
    this.assess();
  }

  find(name: string): NodeEntry | undefined {
    return this.entries.find((entry) => entry.name === name);
  }

  /** Decides anew who may serve; for when time has passed, or after a change. */
  assess(): void {
    const nowMs = this.options.clock.monotonic();
    const { fitness: rules, minServing } = this.options;
    const before = this.entries.map((entry) => entry.reason);
    for (const entry of this.entries) {
      entry.health = due(entry.health, nowMs);
      const lag = entry.status?.isStandby === true ? this.#history.of(entry.lsn, nowMs) : undefined;
      if (lag !== entry.lag) entry.setLag(lag);
      entry.reason = unfit(entry, this.topology, { rules, nowMs });
    }
    keepServing(this.entries, minServing);
    for (const entry of this.entries) {
      entry.isServing = entry.reason === undefined && entry !== this.writer && entry.status?.isStandby === true;
    }
    this.entries.forEach((entry, index) => this.#report(entry, before[index]));
    for (const listener of this.#changes) listener();
  }

  /** @returns a function that ends it */
  onChange(listener: () => void): () => void {
    this.#changes.add(listener);
    return () => void this.#changes.delete(listener);
  }

  /** @returns a function that ends it */
  onEject(listener: (node: string) => void): () => void {
    this.#ejections.add(listener);
    return () => void this.#ejections.delete(listener);
  }

  #elect(): void {
    const { failures } = this.options.fitness;
    const configured = this.#configured;
    // A replica of another cluster must not name the cluster only because it answered first.
    const isSettled = configured.status !== undefined || configured.pollFailures >= failures;
    if (this.topology.systemId === undefined && !isSettled) return;
    const { timeline, writer } = this.topology;
    this.topology = electWriter(candidates(this.entries, failures), this.topology);
    if (this.topology.timeline !== timeline) {
      this.epoch += 1;
      this.epochTick = this.tick;
    }
    if (this.topology.timeline !== timeline || this.topology.writer !== writer) {
      this.sampleTick = -1;
      this.#history.clear();
    }
    // The configured primary is taken at its word until it has been asked.
    const presumed = configured.status === undefined && !isSettled ? configured : undefined;
    const next = this.entries.find((entry) => entry.name === this.topology.writer) ?? presumed;
    const from = this.writer?.name;
    if (from === next?.name) return;
    this.writer = next;
    primaryChange.publish(() => ({
      router: this.options.name,
      from,
      to: next?.name,
      timeline: this.topology.timeline,
    }));
  }

  #report(entry: NodeEntry, before: EjectReason | undefined): void {
    const { reason } = entry;
    if (reason === before) return;
    const { name: router } = this.options;
    if (reason === undefined) return nodeReturn.publish(() => ({ router, node: entry.name }));
    nodeEject.publish(() => ({ router, node: entry.name, reason }));
    // Of all others statements that are under way may still be answered.
    if (reason !== "unreachable") return;
    for (const listener of this.#ejections) tell(listener, entry.name);
  }
}

/** What a listener throws has no caller who could answer for it, and must not end the polls. */
function tell(listener: (node: string) => void, node: string): void {
  try {
    listener(node);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : new Error(describeValue(error)));
  }
}

function candidates(entries: readonly NodeEntry[], failures: number): Parameters<typeof electWriter>[0] {
  return entries.flatMap((entry) => {
    const { name, status } = entry;
    if (status === undefined) return [];
    const { isStandby, timeline, systemId } = status;
    return [{ name, isStandby, timeline, systemId, isReachable: isReachable(entry, failures) && !entry.isDraining }];
  });
}

/** Lets the least lagging serve all the same, until there are enough. */
function keepServing(entries: readonly NodeEntry[], minServing: number): void {
  if (minServing === 0) return;
  const serving = entries.filter((entry) => entry.reason === undefined && entry.status?.isStandby === true).length;
  const lagging = entries
    .filter((entry) => entry.reason === "lagging")
    .sort((a, b) => (a.lag?.bytes ?? 0) - (b.lag?.bytes ?? 0));
  for (const entry of lagging.slice(0, Math.max(minServing - serving, 0))) entry.reason = undefined;
}
