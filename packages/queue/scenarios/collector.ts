import { waitUntil } from "@scale/testkit";
import type { Deliver, RelayedMessage } from "../src/outbox/index.js";

export interface Collector {
  readonly deliver: Deliver;
  /** Every delivery, repetitions included. */
  readonly messages: readonly RelayedMessage[];
  /** Sizes of the batches. */
  readonly batches: readonly number[];
  /** Resolves when so many messages were delivered. */
  count(messages: number): Promise<void>;
}

/** A destination that takes everything. */
export function collector(): Collector {
  const messages: RelayedMessage[] = [];
  const batches: number[] = [];
  return {
    messages,
    batches,
    async deliver(batch) {
      messages.push(...batch);
      batches.push(batch.length);
      return undefined;
    },
    count: (wanted) => waitUntil(() => messages.length >= wanted, { what: `${wanted} messages`, timeoutMs: 20_000 }),
  };
}
