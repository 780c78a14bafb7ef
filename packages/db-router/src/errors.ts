import { ScaleError } from "@scale/core";

/** No node takes writes, or could serve a read that only the primary may serve. Nothing was sent. */
export class NoPrimaryError extends ScaleError {
  readonly status = 503;

  constructor(router: string) {
    super("SCALE_NO_PRIMARY", `${router}: no node takes writes`);
  }
}

/** Too many wait already, or the wait took too long. Nothing was sent. */
export class BusyError extends ScaleError {
  readonly status = 503;
  /** What is full: the share of one tenant, or the reads that the primary takes when replicas are gone. */
  readonly what: "tenant" | "primary-reads";
  readonly reason: "queue-full" | "waited-too-long" | "shed";

  constructor(what: BusyError["what"], reason: BusyError["reason"]) {
    super("SCALE_BUSY", `${what === "tenant" ? "the connections of the tenant" : "reads on the primary"}: ${reason}`);
    this.what = what;
    this.reason = reason;
  }
}

/** The router is closed, or closes. */
export class ClosedError extends ScaleError {
  readonly status = 503;

  constructor(router: string) {
    super("SCALE_CLOSED", `${router} is closed`);
  }
}

/** A tenant has no shard, or one that does not exist. Never answered with another tenant's. */
export class ShardError extends ScaleError {
  constructor(message: string, options?: ErrorOptions) {
    super("SCALE_SHARD", message, options);
  }
}
