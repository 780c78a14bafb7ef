/** Writes messages in a transaction of the application. The outboxes of `@scale/queue` satisfy it. */
export interface OutboxLike<Tx> {
  /** Writes the message in the transaction: without a commit there is none. */
  write(tx: Tx, message: OutboxMessage): Promise<unknown>;
}

export interface OutboxMessage {
  /** Destination: `realtime`. */
  readonly kind: string;
  readonly tenantId: string;
  readonly topic?: string;
  readonly payload: unknown;
  readonly id?: string;
}

/** A message of an outbox, as its relay delivers it. */
export interface DeliveredMessage {
  /** The same for each delivery of a message. */
  readonly id: string;
  readonly tenantId: string;
  readonly topic: string | undefined;
  readonly payload: unknown;
}

export interface FailedMessage {
  readonly id: string;
  readonly error: unknown;
  /** True when no further attempt can succeed. */
  readonly permanent?: boolean;
}

/** Kind of the messages that a hub writes to an outbox. */
export const OUTBOX_KIND = "realtime";
