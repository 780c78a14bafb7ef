import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface SourceFailed {
  /** Call that failed: of the page, of a tenant, of a search, of the right of a caller. */
  readonly operation: "read" | "tenant" | "search" | "authorize";
  readonly error: unknown;
}

/** Published when the source of a dashboard, its health or its `authorize` fails. */
export const sourceFail: EventChannel<SourceFailed> = defineEvent("scale:dashboard:source-fail");
