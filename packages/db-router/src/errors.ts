import { ScaleError } from "@scale/core";

/**
 * No node takes writes, or the statement requires the primary and there is none, or no node gave a connection. Nothing was
 * sent. `cause` is the error of the last poll of the primary, or of the connection.
 */
export class NoPrimaryError extends ScaleError {
  readonly status = 503;

  constructor(router: string, options?: ErrorOptions) {
    super("SCALE_NO_PRIMARY", `${router}: expected a node that takes writes, got none`, options);
  }
}

/**
 * The node of a statement became unreachable, and no other one can finish it. No change of the statement, or of its
 * transaction, is committed. `cause` is the error of the node's last poll.
 */
export class NodeLostError extends ScaleError {
  readonly status = 503;
  readonly node: string;

  constructor(node: string, options?: ErrorOptions) {
    super("SCALE_NODE_LOST", `${node}: expected a reply, and the node became unreachable`, options);
    this.node = node;
  }
}

/**
 * The node became unreachable before it replied to a write or a COMMIT: the change may be committed or not. Read before you
 * repeat it. `cause` is the error of the node's last poll.
 */
export class AmbiguousError extends ScaleError {
  readonly status = 503;
  readonly node: string;

  constructor(node: string, options?: ErrorOptions) {
    super("SCALE_AMBIGUOUS", `${node}: expected a reply to a write, and the node became unreachable`, options);
    this.node = node;
  }
}

const LIMITS = {
  tenant: "the connections of the tenant",
  "primary-reads": "reads on the primary",
  pool: "the connections of the pool",
} as const;

/** The queue is full, or the statement waited too long. Nothing was sent. */
export class BusyError extends ScaleError {
  readonly status = 503;
  /** Exhausted limit: `limits.bulkhead` of one tenant, `limits.primaryReads`, or the size of a node's pool. */
  readonly what: "tenant" | "primary-reads" | "pool";
  readonly reason: "queue-full" | "waited-too-long" | "shed";

  constructor(what: BusyError["what"], reason: BusyError["reason"], options?: ErrorOptions) {
    super("SCALE_BUSY", `${LIMITS[what]}: ${reason}`, options);
    this.what = what;
    this.reason = reason;
  }
}

/** The router is closed or closing. */
export class ClosedError extends ScaleError {
  readonly status = 503;

  constructor(router: string) {
    super("SCALE_CLOSED", `${router} is closed`);
  }
}

/** The tenant has no shard, or one that does not exist. Its statements never run on another shard. */
export class ShardError extends ScaleError {
  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_SHARD", message, options);
  }
}
