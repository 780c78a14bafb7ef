import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface StoreFailed {
  readonly tenantId: string;
  readonly error: unknown;
}

/** Published for every call that the store did not answer. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:health:store-fail");
