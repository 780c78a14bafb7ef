/** A message to write in a transaction of the application. */
export interface OutboxMessage {
  /** Destination: a relay hands the message to `deliver[kind]`. */
  readonly kind: string;
  readonly tenantId: string;
  /**
   * Messages of one tenant, kind and topic are delivered in the order in which they were written. Those without a topic are
   * delivered in any order.
   */
  readonly topic?: string;
  /** JSON value. */
  readonly payload: unknown;
  /**
   * UUID of the message: every delivery has the same, and destinations deduplicate by it.
   * @default a new one
   */
  readonly id?: string;
}

/** A message as a relay delivers it. */
export interface RelayedMessage {
  readonly id: string;
  readonly kind: string;
  readonly tenantId: string;
  readonly topic: string | undefined;
  readonly payload: unknown;
  /** Time of the write by the database's clock, in milliseconds since the epoch. */
  readonly writtenAtMs: number;
  /** Deliveries that failed for this message alone. */
  readonly attempts: number;
}

/** A message that the destination refused, while it took others of the same batch. */
export interface RefusedMessage {
  readonly id: string;
  readonly error: unknown;
  /** True: the message is never delivered again. It stays in the table with its error. */
  readonly permanent?: boolean;
}

/**
 * Hands a batch of messages of one kind to its destination, in this order.
 * - Resolves to nothing, or to the messages that the destination refused; all others are delivered. After a message with a
 *   topic was refused, later ones of its tenant and topic must be refused too.
 * - Rejects when the destination cannot be reached: the whole batch is delivered again.
 *
 * A batch comes again, with the same ids, when the relay dies before it has committed. The signal aborts at the deadline of the
 * delivery, and when `close` does not wait any longer.
 */
export type Deliver = (
  messages: readonly RelayedMessage[],
  context: { readonly signal: AbortSignal },
) => Promise<undefined | readonly RefusedMessage[]>;
