import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface ConnectionLoss {
  /** The node that the connection led to. */
  readonly node: string;
  readonly error: Error;
}

/**
 * A connection broke that no statement was waiting on. Its pool has dropped it, and nothing else is to be done.
 */
export const connectionLose: EventChannel<ConnectionLoss> = defineEvent("scale:db-router:connection-lose");
