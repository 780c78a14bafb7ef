import type { EventChannel } from "@scale/core";
import { defineEvent } from "@scale/core/kit";

export interface OutboxRelayed {
  readonly kind: string;
  /** Messages of the batch that the destination took. */
  readonly messages: number;
  /** Age of the oldest one when the relay read it, in milliseconds. */
  readonly lagMs: number;
}

/** Published for every batch that was delivered and committed. */
export const outboxRelay: EventChannel<OutboxRelayed> = defineEvent("scale:queue:outbox-relay");

export interface OutboxFailed {
  readonly kind: string;
  /** Messages that stay in the outbox because of it; 0 when the database did not answer. */
  readonly messages: number;
  /** Consecutive failures of this kind. */
  readonly failures: number;
  readonly error: unknown;
}

/** Published when a batch was not delivered, or its delivery not committed. The relay tries again. */
export const outboxFail: EventChannel<OutboxFailed> = defineEvent("scale:queue:outbox-fail");

export interface OutboxRefused {
  readonly tenantId: string;
  readonly id: string;
  readonly kind: string;
  /** True: the message is not delivered again, until `redrive`. */
  readonly permanent: boolean;
  readonly error: unknown;
}

/** Published for every message that its destination refused while it took others. */
export const outboxRefuse: EventChannel<OutboxRefused> = defineEvent("scale:queue:outbox-refuse");
