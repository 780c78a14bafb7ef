import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Decision } from "./types.js";
import type { WaitRefusal } from "./wait/types.js";

/** Published for every decision, allowed or not. A peek is a decision with a cost of 0. */
export const requestDecide: EventChannel<{
  readonly limiter: string;
  /** `undefined` for a subject without a tenant: its address or key is not for logs and metrics. */
  readonly tenantId: string | undefined;
  readonly group: string | undefined;
  readonly decision: Decision;
}> = defineEvent("scale:rate-limit:request-decide");

/** Published whenever the store could not answer, whatever the limiter did then. */
export const storeFail: EventChannel<{
  readonly limiter: string;
  /** `undefined` for a subject without a tenant. */
  readonly tenantId: string | undefined;
  readonly error: unknown;
}> = defineEvent("scale:rate-limit:store-fail");

/** Published when a guard could not refund a request whose outcome is not charged. */
export const refundFail: EventChannel<{
  readonly limiter: string;
  /** `undefined` for a subject without a tenant. */
  readonly tenantId: string | undefined;
  /** The decision whose units stay charged. */
  readonly decision: Decision;
  readonly error: unknown;
}> = defineEvent("scale:rate-limit:refund-fail");

/** Published when a slot could not be renewed in time and may be held by another caller now. */
export const slotLose: EventChannel<{
  readonly limiter: string;
  /** `undefined` for a subject without a tenant. */
  readonly tenantId: string | undefined;
}> = defineEvent("scale:rate-limit:slot-lose");

/** Published when a wait queue refuses a request. A wait that its caller aborts is not refused. */
export const waitRefuse: EventChannel<{
  readonly limiter: string;
  /** `undefined` for a subject without a tenant. */
  readonly tenantId: string | undefined;
  readonly group: string | undefined;
  readonly reason: WaitRefusal;
  readonly waitedMs: number;
  /** Requests of the same subject that are still queued. */
  readonly queued: number;
}> = defineEvent("scale:rate-limit:wait-refuse");
