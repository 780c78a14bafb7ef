import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Route } from "./types.js";

export type RouteChosen = { readonly tenantId: string | undefined; readonly router: string } & Route;

/** Published for every place that is given. */
export const routeChoose: EventChannel<RouteChosen> = defineEvent("scale:db-router:route-choose");

/** Why a node serves nothing. */
export type EjectReason =
  | "unknown"
  | "unreachable"
  | "connection-lost"
  | "failures"
  | "lagging"
  | "stale"
  | "other-timeline"
  | "other-system"
  | "forked"
  | "not-writable"
  | "draining";

export interface NodeEjected {
  readonly router: string;
  readonly node: string;
  readonly reason: EjectReason;
}

/** Published when a node stops serving. */
export const nodeEject: EventChannel<NodeEjected> = defineEvent("scale:db-router:node-eject");

export interface NodeReturned {
  readonly router: string;
  readonly node: string;
}

/** Published when a node serves, for the first time or again. */
export const nodeReturn: EventChannel<NodeReturned> = defineEvent("scale:db-router:node-return");

export interface PrimaryChanged {
  readonly router: string;
  /** `undefined`: no node takes writes. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly timeline: number;
}

/** Published when writes go elsewhere. */
export const primaryChange: EventChannel<PrimaryChanged> = defineEvent("scale:db-router:primary-change");

export type TokenRefusal = "malformed" | "forged" | "expired" | "other-system" | "older-timeline" | "newer-timeline";

export interface TokenRefused {
  readonly tenantId: string | undefined;
  readonly router: string;
  readonly reason: TokenRefusal;
}

/**
 * Published for a token that says nothing to this router. Its reads go to the primary until a replica has all that was
 * committed before the scope began.
 */
export const tokenRefuse: EventChannel<TokenRefused> = defineEvent("scale:db-router:token-refuse");

export interface BulkheadWait {
  readonly tenantId: string | undefined;
  readonly router: string;
  readonly what: "tenant" | "primary-reads";
}

/** Published when a statement must wait for a place. */
export const bulkheadWait: EventChannel<BulkheadWait> = defineEvent("scale:db-router:bulkhead-wait");

export interface BulkheadRefused extends BulkheadWait {
  readonly reason: "queue-full" | "waited-too-long" | "shed";
}

/** Published when a statement gets no place. */
export const bulkheadRefuse: EventChannel<BulkheadRefused> = defineEvent("scale:db-router:bulkhead-refuse");

export interface DiscoveryFailed {
  readonly router: string;
  readonly error: unknown;
}

/** Published when `discover` failed or found nothing; the nodes stay what they were. */
export const discoveryFail: EventChannel<DiscoveryFailed> = defineEvent("scale:db-router:discovery-fail");
