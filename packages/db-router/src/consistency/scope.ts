import { AsyncLocalStorage } from "node:async_hooks";
import type { NodeEntry } from "../cluster/node-state.js";
import type { Fleet } from "../cluster/node-registry.js";
import type { Lsn } from "../postgres/lsn.js";
import type { Consistency } from "../types.js";

/** What one session has written and seen, as far as it matters for where it reads next. */
export class Scope {
  readonly consistency: Consistency;
  readonly pin: "primary" | "replica" | undefined;
  /** The one that this one runs in: it learns of what is written and seen. */
  readonly parent: Scope | undefined;
  /** The scope of all work that runs in none: it keeps to no replica. */
  readonly isShared: boolean;
  /** A replica must have replayed this much. */
  floor: Lsn = 0;
  /** Writes, and reads of the primary, were over at this tick; -1: what they left is in the floor. */
  mark = -1;
  /** The tick since which there has been a mark. */
  markedSince: number;
  epoch: number;
  /** The replica that has served it, and the tick at which its last read was over. */
  seen: NodeEntry | undefined;
  seenAt = -1;
  hasWritten = false;
  /** Whether a token would say anything. */
  hasPosition = false;

  constructor(fleet: Fleet, init: ScopeInit) {
    const { parent } = init;
    this.consistency = init.consistency;
    this.pin = init.pin;
    this.parent = parent;
    this.isShared = init.isShared ?? false;
    this.epoch = parent?.epoch ?? fleet.epoch;
    this.markedSince = fleet.tick;
    if (parent === undefined) return;
    this.floor = parent.floor;
    this.mark = parent.mark;
    this.seen = parent.seen;
    this.seenAt = parent.seenAt;
    this.hasPosition = parent.hasPosition;
  }

  /** Something was committed: from now on it must be seen. */
  wrote(tick: number): void {
    this.#mark(tick);
    this.hasWritten = this.hasPosition = true;
    this.parent?.wrote(tick);
  }

  /** The primary has answered, with what no replica may have yet. */
  readPrimary(tick: number): void {
    if (this.isShared) return;
    this.#mark(tick);
    // A sample that covers this covers what replicas have shown before.
    this.seen = undefined;
    this.parent?.readPrimary(tick);
  }

  /** A read goes there, so the next ones go there too. Only where `allows` has said so. */
  settleOn(entry: NodeEntry, tick: number): void {
    if (this.isShared || this.seen === entry) return;
    this.seen = entry;
    this.seenAt = tick;
  }

  readReplica(entry: NodeEntry, tick: number): void {
    if (this.isShared) return;
    this.seen ??= entry;
    if (this.seen === entry) this.seenAt = tick;
    // It reads elsewhere already, and only the primary is sure to have both.
    else this.#mark(tick);
    this.parent?.readReplica(entry, tick);
  }

  /** From a token: everything up to there must be seen. */
  require(lsn: Lsn): void {
    this.floor = Math.max(this.floor, lsn);
    this.hasPosition = true;
  }

  /** Everything that was committed until now must be seen, whatever it is. */
  requireAll(tick: number): void {
    this.#mark(tick);
    this.hasPosition = true;
  }

  #mark(tick: number): void {
    if (this.mark < 0) this.markedSince = tick;
    this.mark = tick;
  }

  /**
   * True when a sample has come since it was first marked, and showed nothing because it has been marked again: who reads
   * from the primary without a pause would never leave it. True once for each sample.
   */
  isStuck(fleet: Fleet): boolean {
    if (this.isShared || this.mark < 0 || fleet.sampleTick <= this.markedSince) return false;
    this.markedSince = fleet.tick;
    return true;
  }

  /**
   * Turns what is marked into a position, if a sample that began later has come.
   * @returns false while there is none: then only the primary is sure to have it
   */
  settle(fleet: Fleet): boolean {
    if (this.epoch !== fleet.epoch) {
      // Positions of another timeline mean nothing here. What of it is left is in the new primary's log.
      this.epoch = fleet.epoch;
      if (this.floor > 0 || this.seen !== undefined) this.mark = Math.max(this.mark, fleet.epochTick);
      this.floor = 0;
      this.seen = undefined;
    }
    if (this.mark < 0) return true;
    if (fleet.sampleTick <= this.mark) return false;
    this.floor = Math.max(this.floor, fleet.sampleLsn);
    this.mark = -1;
    return true;
  }

  /** Whether a replica has all that the scope has written and seen. */
  allows(entry: NodeEntry, fleet: Fleet): boolean {
    if (!this.settle(fleet)) return false;
    const { seen } = this;
    if (seen !== undefined) {
      // After a crash a replica may come back with less than it has shown.
      if (seen.lostAt >= this.seenAt) return false;
      // How far another had come when it answered is known once it has been asked again.
      if (seen !== entry && (seen.tick <= this.seenAt || entry.lsn < seen.lsn)) return false;
    }
    return entry.lsn >= this.floor;
  }
}

export interface ScopeInit {
  readonly consistency: Consistency;
  readonly pin?: "primary" | "replica" | undefined;
  readonly parent?: Scope | undefined;
  readonly isShared?: boolean;
}

export interface Scopes {
  /** Of the current work, or the one that all work without one shares. */
  current(): Scope;
  /** `undefined` for work that runs in none. */
  own(): Scope | undefined;
  run<T>(scope: Scope, work: () => T): T;
}

/** One storage for each router: positions of one cluster say nothing of another. */
export function createScopes(shared: Scope): Scopes {
  const storage = new AsyncLocalStorage<Scope>();
  return {
    current: () => storage.getStore() ?? shared,
    own: () => storage.getStore(),
    run: (scope, work) => storage.run(scope, () => begun(work())),
  };
}

/**
 * Queries of Prisma and Drizzle begin when somebody awaits them, which would be outside of the scope. A promise that is
 * made of one here awaits it here.
 */
function begun<T>(result: T): T {
  const isLazy = typeof result === "object" && result !== null && !(result instanceof Promise) && "then" in result;
  return isLazy && typeof result.then === "function" ? (Promise.resolve(result) as T) : result;
}
