import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface SourceFailed {
  /** Call that failed: of the page, of a tenant, of a search, of the right of a caller, of an action. */
  readonly operation: "read" | "tenant" | "search" | "authorize" | "action";
  readonly error: unknown;
}

/** Published when the source of a dashboard, its health, an `authorize` or an action fails. */
export const sourceFail: EventChannel<SourceFailed> = defineEvent("scale:dashboard:source-fail");
