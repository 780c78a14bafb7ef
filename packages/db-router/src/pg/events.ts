import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface ConnectionLoss {
  /** Name of the connection's node. */
  readonly node: string;
  readonly error: Error;
}

/**
 * Published when an idle connection broke. Its pool has removed it; no action is needed.
 */
export const connectionLose: EventChannel<ConnectionLoss> = defineEvent("scale:db-router:connection-lose");

/** State of a connection that its next user must not find. */
export type SessionResidue = "open-transaction" | "session-state" | "unfinished-statement";

export interface ConnectionDiscarded {
  readonly tenantId: string | undefined;
  /** Name of the connection's node. */
  readonly node: string;
  readonly reason: SessionResidue;
}

/**
 * Published when a connection was given back with an open transaction, with a changed setting, lock or other state of its
 * session, or with a cursor that was not closed. The connection is closed: its next user would have run in another tenant's
 * transaction, or with another tenant's settings.
 */
export const connectionDiscard: EventChannel<ConnectionDiscarded> = defineEvent("scale:db-router:connection-discard");
