import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";
import type { Route } from "./types.js";

export type RouteChosen = { readonly tenantId: string | undefined; readonly router: string } & Route;

/** Published for every checkout. */
export const routeChoose: EventChannel<RouteChosen> = defineEvent("scale:db-router:route-choose");

/** Published at the end of every checkout: of a statement, a transaction or a held connection. */
export const statementEnd: EventChannel<{
  readonly tenantId: string | undefined;
  readonly router: string;
  readonly node: string;
  readonly to: Route["to"];
  readonly durationMs: number;
  readonly isFailed: boolean;
}> = defineEvent("scale:db-router:statement-end");

/** Why a node serves no statements. */
export type EjectReason =
  | "unknown"
  | "unreachable"
  | "connection-lost"
  | "failures"
  | "catching-up"
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
  /** Error of the node's last poll, if it failed. */
  readonly cause: unknown;
}

/** Published when a node stops serving. */
export const nodeEject: EventChannel<NodeEjected> = defineEvent("scale:db-router:node-eject");

/** Published when a node starts serving, for the first time or again. */
export const nodeReturn: EventChannel<Omit<NodeEjected, "reason" | "cause">> =
  defineEvent("scale:db-router:node-return");

export interface PrimaryChanged {
  readonly router: string;
  /** `undefined` when no node takes writes. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly timeline: number;
}

/** Published when another node takes the writes, or none does. */
export const primaryChange: EventChannel<PrimaryChanged> = defineEvent("scale:db-router:primary-change");

export type TokenRefusal = "malformed" | "forged" | "expired" | "other-system" | "older-timeline" | "newer-timeline";

export interface TokenRefused {
  readonly tenantId: string | undefined;
  readonly router: string;
  readonly reason: TokenRefusal;
}

/**
 * Published for a token that the router cannot use. The reads of its scope go to the primary until a replica has
 * everything that was committed before the scope began.
 */
export const tokenRefuse: EventChannel<TokenRefused> = defineEvent("scale:db-router:token-refuse");

export interface BulkheadWait {
  readonly tenantId: string | undefined;
  readonly router: string;
  readonly what: "tenant" | "primary-reads";
}

/** Published when a statement queues for a permit. */
export const bulkheadWait: EventChannel<BulkheadWait> = defineEvent("scale:db-router:bulkhead-wait");

export interface BulkheadRefused extends BulkheadWait {
  readonly reason: "queue-full" | "waited-too-long" | "shed";
}

/** Published when a statement receives no permit. */
export const bulkheadRefuse: EventChannel<BulkheadRefused> = defineEvent("scale:db-router:bulkhead-refuse");

export interface DiscoveryFailed {
  readonly router: string;
  readonly error: unknown;
}

/** Published when `discover` failed or returned an empty list. The nodes stay as they are. */
export const discoveryFail: EventChannel<DiscoveryFailed> = defineEvent("scale:db-router:discovery-fail");
