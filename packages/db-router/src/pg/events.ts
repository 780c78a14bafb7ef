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
