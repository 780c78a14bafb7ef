/** The part of a query result that the router reads. */
export interface RowsLike {
  readonly rows: readonly Record<string, unknown>[];
}

/** The part of a checked-out `pg` client that the router uses. */
export interface ClientLike {
  query(text: string, values?: unknown[]): Promise<RowsLike>;
  release(destroy?: boolean | Error): void;
}

/** The part of a `pg.Pool` that the router uses. */
export interface PoolLike {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  query(text: string, values?: unknown[]): Promise<RowsLike>;
  connect(): Promise<ClientLike>;
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
}

/** A database server, as the router receives it. `pgNode` of `@scale/db-router/pg` creates one. */
export interface DbNode {
  /** Name in events, statistics and routes. Unique within a router. */
  readonly name: string;
  readonly pool: PoolLike;
  /** Relative share of reads: a replica with weight 2 receives twice the reads of one with weight 1. @default 1 */
  readonly weight?: number;
  /** Availability zone of the server. Reads prefer replicas in the zone of the process. */
  readonly zone?: string;
  /** True when the router ends the pool, on `close` and after a removal. */
  readonly isOwned: boolean;
  /** Role whose default size the pool has. @default none: the pool has a size of its own */
  readonly sizedAs?: "primary" | "replica";
  /** Connection for polls, which must not keep the process alive between them. `end` closes it. @default the pool */
  readonly polls?: { query(sql: string): Promise<RowsLike>; end(): void };
  /**
   * Runs `sql` on a new connection that is closed afterwards, because a frozen server still answers on open ones.
   * Rejects within `timeoutMs`; a connection that opens later is closed without a statement.
   */
  probe(sql: string, timeoutMs: number): Promise<RowsLike>;
}

/** Guarantee for reads; see `RouterOptions.consistency`. */
export type Consistency = "session" | "eventual" | "strong";

/** Why the primary serves a statement. */
export type PrimaryReason =
  | "write"
  | "transaction"
  | "pinned"
  | "strong"
  | "recent-write"
  | "no-healthy-replica"
  | "read-only-refused"
  | "conflict"
  | "schema-behind";

/** The node of a statement, and the reason for it. */
export type Route =
  | { readonly to: "primary"; readonly node: string; readonly reason: PrimaryReason }
  | { readonly to: "replica"; readonly node: string; readonly reason: "read" | "pinned"; readonly lagMs: number };

/** A statement's demands on the node that serves it. */
export interface RouteRequest {
  readonly intent: "read" | "write";
  /** Reason that sends a read to the primary, or the kind of a write. */
  readonly reason?: PrimaryReason;
  /** Nodes that have already failed to serve this statement. */
  readonly except?: ReadonlySet<string>;
}

/** A node checked out for one statement or transaction. Call `release` exactly once, whatever the outcome. */
export interface Checkout {
  readonly route: Route;
  readonly pool: PoolLike;
  /** Returns the checkout, records a failure against the node, and records for the scope what was read or written. */
  release(outcome: { readonly error?: unknown; readonly wrote: boolean }): void;
  /**
   * Records a commit while the checkout is still held: later reads must see it. It counts for the scope of the checkout, and
   * for the one in which the method is called, because a connection may be used in other scopes than it was checked out in.
   */
  noteCommit(): void;
  /** Records a read while the checkout is still held, for the same two scopes: later reads must not see less. */
  noteRead(): void;
  /** True when the node has everything that the scope of the current work has written and seen. */
  isCurrent(): boolean;
}

/** A node that has become unreachable, for the statements that wait for its replies. */
export interface NodeLoss {
  readonly node: string;
  /** Identifies the node. Names are unique within one router only. */
  readonly pool: PoolLike;
  /**
   * True when its replies are no longer awaited: another node has taken over as the writer, or the node has been unreachable
   * for `health.giveUpMs`. Before that a statement may only move to another node that can serve it.
   */
  readonly isFinal: boolean;
  /** Error of its last poll. */
  readonly cause: unknown;
}

/** The part of a router that the adapter of a client library uses. */
export interface Routing {
  /**
   * Checks out a node: at once, or after a wait for a permit, a replica or a primary. Sends nothing to a server. A wait
   * that fails leaves the queue: no permit and no node are held for it later.
   * @throws {ScaleError} when no node may serve, a queue is full, or the tenant has no shard
   */
  checkout(request: RouteRequest): Checkout | Promise<Checkout>;
  /** The pool of the current primary, for transactions and sessions. */
  primaryPool(): PoolLike;
  /** The pools of all nodes, for counters. */
  pools(): readonly PoolLike[];
  /**
   * Calls `listener` when a node has become unreachable, and again while it stays so, after every change of the cluster.
   * @returns a function that removes the listener
   */
  onEject(listener: (loss: NodeLoss) => void): () => void;
}
