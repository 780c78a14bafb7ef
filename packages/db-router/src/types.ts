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
  | "conflict";

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
  /** Records a commit while the checkout is still held: later reads of the scope must see it. */
  noteCommit(): void;
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
   * Calls `listener` with the name of a node that has become unreachable. Statements that wait for its reply may be
   * abandoned.
   * @returns a function that removes the listener
   */
  onEject(listener: (node: string) => void): () => void;
}
