import { defineEvent, type EventChannel } from "@scale/core";
import type { Decision } from "./types.js";

export interface RequestDecided {
  readonly limiter: string;
  readonly tenantId: string;
  readonly group: string | undefined;
  readonly decision: Decision;
}

/** Published for every decision, allowed or not. */
export const requestDecide: EventChannel<RequestDecided> = defineEvent("scale:rate-limit:request-decide");

export interface StoreFailed {
  readonly limiter: string;
  readonly tenantId: string;
  readonly error: unknown;
}

/** Published whenever the store could not answer, whatever the limiter did then. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:rate-limit:store-fail");
