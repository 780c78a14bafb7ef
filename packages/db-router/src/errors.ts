import { ScaleError } from "@scale/core";

/** No node takes writes, or the read requires the primary and there is none. Nothing was sent. */
export class NoPrimaryError extends ScaleError {
  readonly status = 503;

  constructor(router: string) {
    super("SCALE_NO_PRIMARY", `${router}: expected a node that takes writes, got none`);
  }
}

/** The queue is full, or the statement waited too long. Nothing was sent. */
export class BusyError extends ScaleError {
  readonly status = 503;
  /** Exhausted limit: `limits.bulkhead` of one tenant, or `limits.primaryReads`. */
  readonly what: "tenant" | "primary-reads";
  readonly reason: "queue-full" | "waited-too-long" | "shed";

  constructor(what: BusyError["what"], reason: BusyError["reason"]) {
    super("SCALE_BUSY", `${what === "tenant" ? "the connections of the tenant" : "reads on the primary"}: ${reason}`);
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
