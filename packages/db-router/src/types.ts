/** What a query answers, as far as the router looks at it. */
export interface RowsLike {
  readonly rows: readonly Record<string, unknown>[];
}

/** What we use of a client that a `pg.Pool` lends. */
export interface ClientLike {
  query(text: string, values?: unknown[]): Promise<RowsLike>;
  release(destroy?: boolean | Error): void;
}

/** What we use of a `pg.Pool`. */
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

/** A server, as the router is given it: `pgNode` of `@scale/db-router/pg` makes one. */
export interface DbNode {
  /** In events, statistics and routes. No two nodes have the same. */
  readonly name: string;
  readonly pool: PoolLike;
  /** Of two idle replicas one with weight 2 gets twice the reads. @default 1 */
  readonly weight?: number;
  /** Reads prefer replicas of the router's own zone. */
  readonly zone?: string;
  /** True when the router ends the pool on `close` and after a removal. */
  readonly isOwned: boolean;
  /**
   * Opens a connection of its own and closes it, and answers what `sql` answers on it: a frozen server goes on to answer
   * on those it has. Rejects within `timeoutMs`.
   */
  probe(sql: string, timeoutMs: number): Promise<RowsLike>;
}

/** What reads may miss; see `createRouter`. */
export type Consistency = "session" | "eventual" | "strong";

/** Why the primary serves. */
export type PrimaryReason =
  | "write"
  | "transaction"
  | "pinned"
  | "strong"
  | "recent-write"
  | "no-healthy-replica"
  | "read-only-refused"
  | "conflict";

/** Where a statement goes, and why. */
export type Route =
  | { readonly to: "primary"; readonly node: string; readonly reason: PrimaryReason }
  | { readonly to: "replica"; readonly node: string; readonly reason: "read" | "pinned"; readonly lagMs: number };

/** What a statement needs. */
export interface RouteRequest {
  readonly intent: "read" | "write";
  /** Why a read must be served by the primary all the same, or a write is one. */
  readonly reason?: PrimaryReason;
  /** Nodes that have just failed to serve this statement. */
  readonly except?: ReadonlySet<string>;
}

/** A place for one statement, or for one transaction. */
export interface Checkout {
  readonly route: Route;
  readonly pool: PoolLike;
  /**
   * To be called once, whatever became of it: gives the place back, counts the failure against the node, and remembers
   * for the scope what was written or read.
   */
  release(outcome: { readonly error?: unknown; readonly wrote: boolean }): void;
  /** Something was committed and the place is still held: later reads of the scope must see it. */
  noteCommit(): void;
}

/** What the doors of clients use of a router. */
export interface Routing {
  /**
   * A place at once, or as soon as the tenant may have one.
   * @throws {ScaleError} when no node may serve, the tenant is unknown, or too many wait already; never asks a server
   */
  checkout(need: RouteRequest): Checkout | Promise<Checkout>;
  /** The pool that connections for transactions and sessions come from now. */
  primaryPool(): PoolLike;
  /** The pools of all nodes, for counters. */
  pools(): readonly PoolLike[];
  /**
   * Calls `listener` with the name of a node that is found dead, frozen or unfit: what waits for it may be given up.
   * @returns a function that ends it
   */
  onEject(listener: (node: string) => void): () => void;
}
