import { defineEvent, type EventChannel } from "../events.js";

export interface PlanFallback {
  readonly tenantId: string;
  readonly used: "stale" | "fallback";
  readonly error: unknown;
}

/** Published when a tenant is served a stale answer or the fallback plan. */
export const planFallback: EventChannel<PlanFallback> = defineEvent("scale:core:plan-fallback");
