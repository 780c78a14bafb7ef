import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

/** How a connection began: without an id, with all missed events, or with a reset. */
export type ConnectionStart = "fresh" | "resumed" | "reset";

/**
 * Why a connection ended: the client left, it read too slowly, it was older than `maxAge`, its principal expired, a right was
 * revoked, or the hub was drained or closed.
 */
export type CloseReason = "client" | "slow" | "age" | "expired" | "revoked" | "drain" | "close";

/** Why a connection was refused. `expired`: the principal had expired before it connected. */
export type RefuseReason = "tenant-limit" | "user-limit" | "process-limit" | "forbidden" | "expired" | "draining";

export interface ConnectionOpened {
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly topics: readonly string[];
  readonly start: ConnectionStart;
}

export interface ConnectionClosed {
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly reason: CloseReason;
  readonly durationMs: number;
}

export interface ConnectionRefused {
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly reason: RefuseReason;
}

/** `trimmed`: events after the client's position are gone. `unknown`: the position is of another history, or invented. */
export type ResetReason = "trimmed" | "unknown" | "gap";

export interface AuthorizeFailed {
  readonly tenantId: string;
  readonly userId: string | undefined;
  readonly error: unknown;
}

export interface HistoryReset {
  readonly tenantId: string;
  readonly reason: ResetReason;
}

export interface EventPublished {
  readonly tenantId: string;
  readonly topic: string;
  readonly bytes: number;
  readonly durationMs: number;
}

export interface EventsDropped {
  readonly tenantId: string;
  readonly count: number;
}

export interface StoreFailed {
  /** `undefined` for a call that concerns every tenant. */
  readonly tenantId: string | undefined;
  readonly operation: "append" | "read" | "verify" | "subscribe" | "presence";
  readonly error: unknown;
}

/**
 * `lost`: notifications may be missing, and live delivery stops. `restored`: connections read what they missed. `gap`: an
 * event was stored and its notification never came.
 */
export interface FeedChanged {
  readonly state: "lost" | "restored" | "gap";
}

/** Published when a connection was admitted. */
export const connectionOpen: EventChannel<ConnectionOpened> = defineEvent("scale:realtime:connection-open");
/** Published when a connection ended. */
export const connectionClose: EventChannel<ConnectionClosed> = defineEvent("scale:realtime:connection-close");
/** Published when a connection was refused. */
export const connectionRefuse: EventChannel<ConnectionRefused> = defineEvent("scale:realtime:connection-refuse");
/** Published when `authorize` failed for an open connection, which then ends. */
export const authorizeFail: EventChannel<AuthorizeFailed> = defineEvent("scale:realtime:authorize-fail");
/** Published when a client is told to fetch its state again. */
export const historyReset: EventChannel<HistoryReset> = defineEvent("scale:realtime:history-reset");
/** Published when the store has an event. */
export const eventPublish: EventChannel<EventPublished> = defineEvent("scale:realtime:event-publish");
/** Published when events were left out for a client that reads too slowly. */
export const eventDrop: EventChannel<EventsDropped> = defineEvent("scale:realtime:event-drop");
/** Published for every call that the store did not answer. */
export const storeFail: EventChannel<StoreFailed> = defineEvent("scale:realtime:store-fail");
/** Published when the notifications of the store are lost, restored, or had a gap. */
export const feedChange: EventChannel<FeedChanged> = defineEvent("scale:realtime:feed-change");
