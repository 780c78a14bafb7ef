import { AsyncLocalStorage } from "node:async_hooks";
import type { NodeRegistry } from "../cluster/node-registry.js";
import type { NodeState } from "../cluster/node-state.js";
import type { Lsn } from "../postgres/lsn.js";
import type { Consistency } from "../types.js";

/**
 * The watermark of one session: which writes and reads its next read must see. Positions are resolved lazily: a write
 * is first pending at a tick, and becomes an LSN with the next sample of the primary.
 */
export class Scope {
  readonly consistency: Consistency;
  readonly pin: "primary" | "replica" | undefined;
  /** Enclosing scope; reads and writes are recorded there too. */
  readonly parent: Scope | undefined;
  /** True for the scope of all work outside of `run`. It sticks to no replica. */
  readonly isShared: boolean;
  /** Position that a replica must have replayed. */
  minLsn: Lsn = 0;
  /** Tick of the last write or primary read that `minLsn` does not cover yet; -1 for none. */
  pendingTick = -1;
  /** Tick since which something has been pending. */
  pendingSince: number;
  epoch: number;
  /** Replica that serves the scope, and the tick at which its last read ended. */
  stickyReplica: NodeState | undefined;
  lastReadTick = -1;
  hasWritten = false;
  /** Writes and transactions that have begun and not ended. Their positions are not known yet. */
  writesUnderWay = 0;
  /** True when a client's token has set the demands of the scope: reads that they send to the primary are limited. */
  isByToken = false;
  /** True when a token of the scope would carry information. */
  hasPosition = false;

  constructor(registry: NodeRegistry, init: ScopeInit) {
    const { parent } = init;
    this.consistency = init.consistency;
    this.pin = init.pin;
    this.parent = parent;
    this.isShared = init.isShared ?? false;
    this.epoch = parent?.epoch ?? registry.epoch;
    this.pendingSince = registry.tick;
    if (parent === undefined) return;
    this.minLsn = parent.minLsn;
    this.pendingTick = parent.pendingTick;
    this.stickyReplica = parent.stickyReplica;
    this.lastReadTick = parent.lastReadTick;
    this.hasPosition = parent.hasPosition;
    this.isByToken = parent.isByToken;
  }

  beginWrite(): void {
    this.writesUnderWay += 1;
    this.parent?.beginWrite();
  }

  /** Call it after `recordWrite`. */
  endWrite(): void {
    this.writesUnderWay -= 1;
    this.parent?.endWrite();
  }

  /** Records a commit: later reads must see it. */
  recordWrite(tick: number): void {
    this.#setPending(tick);
    this.hasWritten = this.hasPosition = true;
    this.isByToken = false;
    this.parent?.recordWrite(tick);
  }

  /** Records a read of the primary, which may have returned data that no replica has yet. */
  recordPrimaryRead(tick: number): void {
    if (this.isShared) return;
    this.#setPending(tick);
    // A sample that covers this read also covers everything that replicas have returned before.
    this.stickyReplica = undefined;
    this.parent?.recordPrimaryRead(tick);
  }

  /** Sends the next reads to the same replica. Call it only after `isSatisfiedBy` returned true. */
  stickTo(node: NodeState, tick: number): void {
    if (this.isShared || this.stickyReplica === node) return;
    this.stickyReplica = node;
    this.lastReadTick = tick;
  }

  recordReplicaRead(node: NodeState, tick: number): void {
    if (this.isShared) return;
    this.stickyReplica ??= node;
    if (this.stickyReplica === node) this.lastReadTick = tick;
    // The scope has moved to another replica meanwhile. Only the primary is sure to have the data of both.
    else this.#setPending(tick);
    this.parent?.recordReplicaRead(node, tick);
  }

  /** Requires the position of a token. */
  requireLsn(lsn: Lsn): void {
    this.minLsn = Math.max(this.minLsn, lsn);
    this.hasPosition = this.isByToken = true;
  }

  /** Requires everything that was committed until now, for a token that proves nothing else. */
  requireLatest(tick: number): void {
    this.#setPending(tick);
    this.hasPosition = this.isByToken = true;
  }

  /** `requireLatest` for a token without a position: the first read may pause for it, because every request would repeat it. */
  requireNextSample(tick: number): void {
    this.requireLatest(tick);
    this.pendingSince = -1;
  }

  #setPending(tick: number): void {
    if (this.pendingTick < 0) this.pendingSince = tick;
    this.pendingTick = tick;
  }

  /**
   * True once for each sample that came while something was pending and did not resolve it, because newer reads or
   * writes became pending meanwhile. A scope that reads from the primary without a pause would never leave it.
   */
  isStuckOnPrimary(registry: NodeRegistry): boolean {
    if (this.isShared || this.pendingTick < 0 || registry.sampleTick <= this.pendingSince) return false;
    this.pendingSince = registry.tick;
    return true;
  }

  /**
   * Turns pending reads and writes into a position, if a sample that began later has come.
   * @returns false while they are pending: only the primary is sure to have them
   */
  resolvePosition(registry: NodeRegistry): boolean {
    if (this.epoch !== registry.epoch) {
      // Positions of another timeline cannot be compared. Everything that survived is in the new primary's log.
      this.epoch = registry.epoch;
      if (this.minLsn > 0 || this.stickyReplica !== undefined) {
        this.pendingTick = Math.max(this.pendingTick, registry.epochTick);
      }
      this.minLsn = 0;
      this.stickyReplica = undefined;
    }
    if (this.pendingTick < 0) return true;
    if (registry.sampleTick <= this.pendingTick) return false;
    this.minLsn = Math.max(this.minLsn, registry.sampleLsn);
    this.pendingTick = -1;
    return true;
  }

  /** True when the replica has everything that the scope has written and seen. */
  isSatisfiedBy(node: NodeState, registry: NodeRegistry): boolean {
    if (!this.resolvePosition(registry)) return false;
    const { stickyReplica } = this;
    if (stickyReplica !== undefined) {
      // A crashed replica may return with less data than it has already shown.
      if (stickyReplica.lostTick >= this.lastReadTick) return false;
      // The sticky replica's position at the last read is known only after its next poll.
      if (stickyReplica !== node && (stickyReplica.polledTick <= this.lastReadTick || node.lsn < stickyReplica.lsn)) {
        return false;
      }
    }
    return node.lsn >= this.minLsn;
  }
}

export interface ScopeInit {
  readonly consistency: Consistency;
  readonly pin?: "primary" | "replica" | undefined;
  readonly parent?: Scope | undefined;
  readonly isShared?: boolean;
}

export interface Scopes {
  /** Scope of the current work, or the shared one. */
  current(): Scope;
  /** Scope of the current work; `undefined` outside of `run`. */
  active(): Scope | undefined;
  run<T>(scope: Scope, work: () => T): T;
}

/** One storage per router: a position of one cluster means nothing in another. */
export function createScopes(shared: Scope): Scopes {
  const storage = new AsyncLocalStorage<Scope>();
  return {
    current: () => storage.getStore() ?? shared,
    active: () => storage.getStore(),
    run: (scope, work) => storage.run(scope, () => startLazyQuery(work())),
  };
}

/**
 * Queries of Prisma and Drizzle start when they are awaited, which would be outside of the scope. Converting them to a
 * promise here starts them inside.
 */
function startLazyQuery<T>(result: T): T {
  const isLazy = typeof result === "object" && result !== null && !(result instanceof Promise) && "then" in result;
  return isLazy && typeof result.then === "function" ? (Promise.resolve(result) as T) : result;
}
